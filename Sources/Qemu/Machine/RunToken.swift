// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Names that are ours in somebody else's process: `blkmove-PROCESS-START-RANDOM-...`. They say
/// which process gave them, so that what a dead one left behind can be told from what a living one
/// uses.
///
/// QEMU's nodes have names of at most 31 characters, so the numbers are written to base 36.
package struct RunToken: Hashable, Sendable {
  private let process: Int32
  /// In ticks since the machine started: process numbers come again.
  private let start: UInt64
  private let random: UInt16

  private static let prefix = "blkmove-"
  private static let radix = 36
  static let maximumNodeNameLength = 31

  package init(process: Int32 = getpid()) {
    self.process = process
    start = Self.start(of: process) ?? 0
    random = .random(in: 0...UInt16.max)
  }

  /// Nil when the name is not ours.
  package init?(in name: String) {
    guard name.hasPrefix(Self.prefix) else { return nil }
    let parts = name.dropFirst(Self.prefix.count).split(
      separator: "-", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, let process = Int32(parts[0], radix: Self.radix), process > 0,
      let start = UInt64(parts[1], radix: Self.radix),
      let random = UInt16(parts[2], radix: Self.radix)
    else { return nil }
    self.process = process
    self.start = start
    self.random = random
  }

  /// A name for something, which must be unique within the run.
  package func name(_ what: String) -> String {
    let numbers = [UInt64(process), start, UInt64(random)]
    let words = numbers.map { String($0, radix: Self.radix) } + [what]
    return Self.prefix + words.joined(separator: "-")
  }

  /// Who it is, for sentences.
  package var processNumber: Int32 { process }

  /// Whether the process that gave the name is still there.
  package var isAlive: Bool { Self.start(of: process) == start }

  private static func start(of process: Int32) -> UInt64? {
    guard let file = unsafe fopen("/proc/\(process)/stat", "re") else { return nil }
    defer { unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe fread($0.baseAddress, 1, $0.count, file)
    }
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    // The program's name may hold anything, even spaces and brackets; nothing behind it does.
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    return fields.count > startField ? UInt64(fields[startField]) : nil
  }

  /// The 22nd of all, counted from the one behind the name.
  private static let startField = 19
}
