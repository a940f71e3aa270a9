// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A directory of a test's own, gone when the test is over.
final class Scratch: Sendable {
  let path: String
  private let isRoot: Bool
  private static let count = Atomic<Int>(0)

  /// The directory that holds all others. It goes with the process.
  static let root = Scratch(rootOf: ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp")

  init() {
    path = Self.root.newPath("test")
    isRoot = false
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  private init(rootOf parent: String) {
    path = "\(parent)/blkmove-endtoend.\(getpid())"
    isRoot = true
    try? FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    Janitor.shared.atEnd("rm -rf --one-file-system '\(path)'")
  }

  deinit {
    if !isRoot { try? FileManager.default.removeItem(atPath: path) }
  }

  /// A path in it.
  func path(_ name: String, isDirectory: Bool = false) -> String {
    let result = "\(path)/\(name)"
    if isDirectory {
      try? FileManager.default.createDirectory(atPath: result, withIntermediateDirectories: true)
    }
    return result
  }

  /// A path in it that no one else was given.
  func newPath(_ name: String) -> String {
    "\(path)/\(name)-\(Self.count.add(1, ordering: .relaxed).newValue)"
  }

  /// The names in it, hidden ones too.
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    let result = path(name)
    try text.write(toFile: result, atomically: false, encoding: .utf8)
    return result
  }

  /// A program in a script. Another test may be starting a program just now, whose process has
  /// whatever is open here until it is that program; so another process writes the script, or
  /// running it could fail with "Text file busy".
  func writeScript(_ text: String, to name: String) throws -> String {
    let draft = try write(text, to: name + ".draft")
    try Command.succeed("install", "-m", "755", draft, path(name))
    try FileManager.default.removeItem(atPath: draft)
    return path(name)
  }
}
