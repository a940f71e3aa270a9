// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A path as the user or a peer wrote it, checked for what no path may be, and cut into a
/// directory and a name.
struct ImagePath: Hashable, Sendable {
  /// The kernel's limit, less the terminator.
  static let maximumByteCount = Int(PATH_MAX) - 1
  /// The limit of every common file system for one name.
  static let maximumNameByteCount = Int(NAME_MAX)

  let text: String

  init(_ text: String) throws(StorageError) {
    self.text = text
    if text.isEmpty { throw Self.unsuitable(text, "the path is empty") }
    if text.utf8.contains(0) { throw Self.unsuitable(text, "the path holds a NUL byte") }
    if text.utf8.count > Self.maximumByteCount {
      throw Self.unsuitable(
        "\(text.prefix(40))...",
        "the path is too long: \(text.utf8.count) bytes, \(Self.maximumByteCount) are possible")
    }
  }

  /// A name inside a directory; a peer may have chosen it.
  init(directory: String, name: String) throws(StorageError) {
    guard Self.isSingleName(name) else {
      throw Self.unsuitable(
        directory, "is a directory, and '\(name)' is no name for a file in it",
        hint: "name the target file")
    }
    try self.init(directory.hasSuffix("/") ? directory + name : directory + "/" + name)
  }

  static func isSingleName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
      && !name.utf8.contains(0) && name.utf8.count <= maximumNameByteCount
  }

  var hasTrailingSlash: Bool { text.utf8.last == UInt8(ascii: "/") }

  /// What comes before the last slash, `.` when there is none; `/` stays `/`.
  var directory: String {
    guard let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    let before = text[..<slash]
    return before.isEmpty ? "/" : String(before)
  }

  /// What comes after the last slash.
  var name: String {
    guard let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) else { return text }
    return String(text[text.utf8.index(after: slash)...])
  }

  private static func unsuitable(
    _ object: String, _ sentence: String, hint: String? = nil
  ) -> StorageError {
    StorageError(.unsuitable, object: object, sentence: sentence, hint: hint)
  }
}
