// SPDX-License-Identifier: Apache-2.0

import Glibc
import Storage
import Transfer

/// Which live moves are under way on this machine: a file for each in the state directory, so that
/// `blkmove cutover` finds them.
package enum LiveRegistry {
  /// One move.
  package struct Entry: Equatable, Sendable {
    package var process: Int32
    package var description: String
    let path: String

    package func leave() { unsafe unlink(path) }
  }

  private static let prefix = "live-"
  private static let longest = 4096

  /// Nil where there is no place for it: then the move is only found by its number.
  static func enter(_ request: LiveRequest) -> Entry? {
    guard let directory = Machine.here.madeStateDirectory else { return nil }
    let path = "\(directory)/\(prefix)\(getpid())"
    let description =
      "\(request.source ?? request.method.displayed) -> \(request.target.displayedPath)"
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let bytes = Array(description.utf8.prefix(longest))
    let count = unsafe bytes.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
    guard count == bytes.count else { return nil }
    return Entry(process: getpid(), description: description, path: path)
  }

  /// The moves that are alive. What dead ones have left is removed.
  package static func entries() -> [Entry] {
    guard let directory = Machine.here.stateDirectory,
      let stream = unsafe opendir(directory)
    else { return [] }
    defer { unsafe closedir(stream) }
    var result: [Entry] = []
    while let item = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: item.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.hasPrefix(prefix), let process = Int32(name.dropFirst(prefix.count)) else {
        continue
      }
      let path = "\(directory)/\(name)"
      guard isOurs(process) else {
        unsafe unlink(path)
        continue
      }
      result.append(Entry(process: process, description: text(path), path: path))
    }
    return result.sorted { $0.process < $1.process }
  }

  /// Tells a move that it is time.
  package static func requestCutover(_ process: Int32) -> Bool {
    isOurs(process) && kill(process, SIGUSR2) == 0
  }

  /// A number may be another's by now: only this program takes the signal as it is meant.
  private static func isOurs(_ process: Int32) -> Bool {
    guard process > 0, let own = LingeringGuardian.program(of: getpid()) else { return false }
    return LingeringGuardian.program(of: process) == own
  }

  private static func text(_ path: String) -> String {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: longest)
    let count = unsafe read(file, &bytes, bytes.count)
    return String(decoding: bytes[..<max(count, 0)], as: UTF8.self)
  }
}

extension Location {
  var displayedPath: String {
    switch self {
    case .local(let path): path
    case .remote(let remote): remote.displayed
    }
  }
}
