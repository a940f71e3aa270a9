// SPDX-License-Identifier: Apache-2.0

/// The URI of an export: `nbd://host[:port]/NAME`, `nbd+unix:///NAME?socket=PATH`, and their
/// kin with TLS. What libnbd makes of it is libnbd's; here is checked what no such URI may be, so
/// that it can be shown, compared and handed on.
package struct NbdAddress: Hashable, Sendable {
  package static let maximumByteCount = 4095
  private static let schemes: Set<String> = [
    "nbd", "nbds", "nbd+unix", "nbds+unix", "nbd+vsock", "nbds+vsock",
  ]

  /// As it was written.
  package let text: String
  /// Empty is the server's default.
  package let exportName: String

  /// Whether a text claims to be one; it may still be refused.
  package static func isAddress(_ text: String) -> Bool {
    guard let separator = text.firstRange(of: "://") else { return false }
    return schemes.contains(text[..<separator.lowerBound].lowercased())
  }

  package init(_ text: String) throws(StorageError) {
    self.text = text
    guard text.utf8.count <= Self.maximumByteCount else {
      throw Self.unsuitable(
        "\(text.prefix(40))...", "the address is longer than \(Self.maximumByteCount) bytes")
    }
    guard Self.isAddress(text), let separator = text.firstRange(of: "://") else {
      throw Self.unsuitable(text, "is no address of an export", hint: Self.example)
    }
    if !text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) {
      throw Self.unsuitable(
        "\(text.prefix { !$0.isWhitespace && $0.asciiValue ?? 0x20 >= 0x20 })...",
        "a space or control character in an address must be written as %20 and the like")
    }
    let rest = text[separator.upperBound...]
    let place = rest.prefix { $0 != "?" && $0 != "#" }
    let slash = place.firstIndex(of: "/") ?? place.endIndex
    try Self.check(authority: place[..<slash], text)
    if text[..<separator.lowerBound].lowercased().hasSuffix("+unix") {
      try Self.requireSocket(rest[place.endIndex...], text)
    }
    exportName = try Self.decoded(place[slash...].dropFirst(), text)
  }

  /// An export of a server at a socket of this machine.
  package init(unixSocket path: String, exportName: String = "") throws(StorageError) {
    try self.init("nbd+unix:///\(Self.encoded(exportName))?socket=\(Self.encoded(path))")
  }

  /// What a copy of it in a directory is called; empty where it has no name.
  package var baseName: String {
    exportName.split(separator: "/").last.map(String.init) ?? ""
  }

  private static let example =
    "write nbd://host/NAME or nbd+unix:///NAME?socket=PATH"

  private static func check(authority: Substring, _ text: String) throws(StorageError) {
    let user = authority.prefix { $0 != "@" }
    if user.endIndex != authority.endIndex, user.contains(":") {
      throw unsuitable(
        "\(text.prefix { $0 != ":" })://...", "an address with a password in it is not taken",
        hint: "name a file of keys: nbds://user@host/NAME?tls-psk-file=PATH")
    }
  }

  private static func requireSocket(_ query: Substring, _ text: String) throws(StorageError) {
    let values = query.prefix { $0 != "#" }.dropFirst().split(separator: "&")
    let hasSocket = values.contains { $0.hasPrefix("socket=") && $0 != "socket=" }
    if !hasSocket { throw unsuitable(text, "names no socket", hint: example) }
  }

  private static func decoded(
    _ encoded: Substring, _ text: String
  ) throws(StorageError) -> String {
    var bytes: [UInt8] = []
    var rest = encoded.utf8
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = digit(rest.popFirst()), let low = digit(rest.popFirst()) else {
        throw unsuitable(text, "'%' is not followed by two hexadecimal digits")
      }
      bytes.append(high << 4 | low)
    }
    guard let name = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw unsuitable(text, "the name of the export is no text")
    }
    return name
  }

  private static func digit(_ byte: UInt8?) -> UInt8? {
    switch byte {
    case .some(let byte) where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte):
      byte - UInt8(ascii: "0")
    case .some(let byte) where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20):
      (byte | 0x20) - UInt8(ascii: "a") + 10
    default: nil
    }
  }

  /// What is neither a letter nor a digit nor one of these means something in a URI.
  private static func encoded(_ text: String) -> String {
    let plain = Set("-._~/".utf8)
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) && byte < 0x80
      let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      if isLetter || isDigit || plain.contains(byte) {
        bytes.append(byte)
      } else {
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func unsuitable(
    _ object: String, _ sentence: String, hint: String? = nil
  ) -> StorageError {
    StorageError(.unsuitable, object: object, sentence: sentence, hint: hint)
  }
}
