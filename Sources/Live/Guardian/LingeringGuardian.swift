// SPDX-License-Identifier: Apache-2.0

import Glibc
package import Transfer

/// A guardian whose run is dead and that is still at its work, because what it has to undo resists
/// it: a machine that cannot be reached, say.
///
/// Nobody may begin another move beside it: it would let a machine go that this one has paused, or
/// has left paused because it runs elsewhere by now.
package enum LingeringGuardian {
  /// One that has just begun is waited for.
  private static let patienceSeconds = 5.0
  private static let longestText = 256 << 10

  /// In the environment of a guardian: what it guards.
  static let variable = "BLKMOVE_GUARDED"

  /// Refuses when one of this account's, or any if we are root, has to do with the same and does
  /// not come to its end.
  package static func refuseBeside(_ subject: String) throws(TransferError) {
    let deadline = Clock.now + patienceSeconds
    while let process = find(subject) {
      if Clock.now > deadline {
        throw TransferError(
          .source, "the guardian of an earlier move (process \(process)) is still undoing it",
          hint: "it tries for an hour at most; end it with 'kill -9 \(process)' when you are "
            + "sure that nothing it would undo is left", status: .refused)
      }
      Clock.sleep(seconds: 0.05)
    }
  }

  /// The first that is found.
  static func find(_ subject: String) -> Int32? {
    guard let own = program(of: getpid()), let stream = unsafe opendir("/proc") else {
      return nil
    }
    defer { unsafe closedir(stream) }
    while let item = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: item.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let process = Int32(name), process != getpid(),
        program(of: process) == own, let parent = guarded(by: process),
        Self.parent(of: process) != parent, Self.subject(of: process) == subject
      else { continue }
      return process
    }
    return nil
  }

  /// Whom it was started to watch over, if it is a guardian.
  private static func guarded(by process: Int32) -> Int32? {
    let words = text("/proc/\(process)/cmdline").split(separator: "\0")
    guard words.count == 3, words[1] == "--guardian" else { return nil }
    return Int32(words[2])
  }

  private static func parent(of process: Int32) -> Int32? {
    // The program's name may hold anything; nothing behind it does.
    let status = text("/proc/\(process)/stat")
    guard let end = status.lastIndex(of: ")") else { return nil }
    let fields = status[status.index(after: end)...].split(separator: " ")
    return fields.count > 1 ? Int32(fields[1]) : nil
  }

  private static func subject(of process: Int32) -> String? {
    let start = variable + "="
    let entry = text("/proc/\(process)/environ").split(separator: "\0").last {
      $0.hasPrefix(start)
    }
    return entry.map { String($0.dropFirst(start.count)) }
  }

  /// Its path, also of one that was replaced since.
  static func program(of process: Int32) -> String? {
    var bytes = [CChar](repeating: 0, count: longestText)
    let count = unsafe readlink("/proc/\(process)/exe", &bytes, bytes.count)
    if count <= 0 { return nil }
    let path = String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.hasSuffix(deleted) ? String(path.dropLast(deleted.count)) : path
  }

  private static let deleted = " (deleted)"

  private static func text(_ path: String) -> String {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: longestText)
    let count = unsafe read(file, &bytes, bytes.count)
    return String(decoding: bytes[..<max(count, 0)], as: UTF8.self)
  }
}
