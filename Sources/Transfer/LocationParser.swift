// SPDX-License-Identifier: Apache-2.0

import Storage

/// Reads an operand as a `Location`, the way rsync and scp read theirs: the first colon before any
/// slash ends a host. A path may be the address of an NBD export, as that machine reaches it. What
/// comes out is safe to hand on: a host or user can be no option of ssh, and holds nothing that a
/// shell or ssh would read as more than a name.
///
/// Every refusal is a sentence with status `usage`.
package struct LocationParser {
  /// As the kernel has it, without the ending NUL.
  package static let maximumPathByteCount = 4095
  /// As DNS has it.
  package static let maximumHostByteCount = 255
  package static let maximumUserByteCount = 255

  private let text: String
  private let end: TransferError.End

  /// - Parameter end: which operand it is; errors speak of it.
  package static func parse(
    _ text: String, as end: TransferError.End
  ) throws(TransferError) -> Location {
    try LocationParser(text: text, end: end).location()
  }

  private func location() throws(TransferError) -> Location {
    if text.isEmpty { throw failure("is empty") }
    if text == "-" {
      throw failure(
        "'-' is no image: a stream has no size and no order", hint: "write ./- for a file named '-'"
      )
    }
    if NbdAddress.isAddress(text) { return .local(path: try checked(path: text)) }
    if let scheme = scheme {
      guard scheme == "ssh" else {
        throw failure(
          "'\(text)': the scheme '\(scheme)' is not known",
          hint: "write a path, host:path, ssh://host/path or nbd://host/export")
      }
      return .remote(try url())
    }
    if let remote = try bracketed() { return .remote(remote) }
    guard let colon = text.firstIndex(of: ":"), !text[..<colon].contains("/") else {
      return .local(path: try checked(path: text))
    }
    return .remote(try shellStyle(colon))
  }

  /// `name` of `name://...`, in small letters.
  private var scheme: String? {
    guard let separator = text.firstRange(of: "://") else { return nil }
    let name = text[..<separator.lowerBound]
    let isName = name.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || [UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains(byte)
    }
    return isName && !name.isEmpty ? name.lowercased() : nil
  }

  // MARK: [user@]host:path

  private func shellStyle(_ colon: String.Index) throws(TransferError) -> RemoteLocation {
    let path = text[text.index(after: colon)...]
    if path.hasPrefix(":") {
      throw failure(
        "'\(text)' names a module of an rsync daemon, which cannot be reached",
        hint: "write host:path, which goes through ssh")
    }
    return try remote(authority: text[..<colon], port: nil, path: String(path))
  }

  /// `[user@][address]:path`, for IPv6; nil when the operand is not of that form.
  private func bracketed() throws(TransferError) -> RemoteLocation? {
    let name = text.prefix { $0 != "/" }
    let afterUser = name.firstIndex(of: "@").map { name.index(after: $0) } ?? name.startIndex
    guard name[afterUser...].hasPrefix("[") else { return nil }
    guard let close = name[afterUser...].firstRange(of: "]") else {
      if !name[afterUser...].contains(":") { return nil }
      throw failure("'\(text)' has no closing bracket after the address")
    }
    guard name[close.upperBound...].hasPrefix(":") else {
      guard name[afterUser..<close.lowerBound].contains(":") else { return nil }
      throw failure(
        "'\(text)' has no path after the address", hint: "write [address]:path")
    }
    let path = text[close.upperBound...].dropFirst()
    return try remote(authority: text[..<close.upperBound], port: nil, path: String(path))
  }

  // MARK: ssh://[user@]host[:port]/path

  private func url() throws(TransferError) -> RemoteLocation {
    let rest = text.dropFirst("ssh://".count)
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    var authority = rest[..<slash]
    var path = try percentDecoded(rest[slash...])
    // As git has it: `/~/` is the home directory.
    if path.hasPrefix("/~/") { path.removeFirst() }
    if let at = authority.lastIndex(of: "@"), authority[..<at].contains(":") {
      throw failure(
        "an address with a password in it is not taken", hint: "ssh asks for it, or uses a key")
    }
    let port = try takePort(&authority)
    guard !path.isEmpty, path != "/" else {
      throw failure("'\(text)' has no path after the host", hint: "write ssh://host/path")
    }
    return try remote(authority: authority, port: port, path: path)
  }

  private func takePort(_ authority: inout Substring) throws(TransferError) -> UInt16? {
    let host = authority.lastIndex(of: "]") ?? authority.startIndex
    guard let colon = authority[host...].lastIndex(of: ":") else { return nil }
    let digits = authority[authority.index(after: colon)...]
    if authority[..<colon].last != "]", authority[..<colon].contains(":") {
      throw failure(
        "'\(text)': the host has colons", hint: "write an IPv6 address in brackets")
    }
    authority = authority[..<colon]
    guard
      digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let port = UInt16(digits), port > 0
    else {
      throw failure("'\(text)': '\(digits)' is no port from 1 to 65535")
    }
    return port
  }

  private func percentDecoded(_ encoded: Substring) throws(TransferError) -> String {
    var bytes: [UInt8] = []
    var rest = Substring(encoded).utf8
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      rest = rest.dropFirst(2)
      guard
        digits.count == 2, let digitText = String(digits),
        digitText.allSatisfy(\.isHexDigit), let value = UInt8(digitText, radix: 16)
      else {
        throw failure(
          "'\(text)': '%' is not followed by two hexadecimal digits",
          hint: "write %25 for a percent sign in an ssh:// path")
      }
      bytes.append(value)
    }
    guard let path = String(validating: bytes, as: UTF8.self) else {
      throw failure("'\(text)': the decoded path is not UTF-8")
    }
    return path
  }

  // MARK: The pieces

  private func remote(
    authority: Substring, port: UInt16?, path: String
  ) throws(TransferError) -> RemoteLocation {
    var host = authority
    var user: Substring?
    if let at = authority.lastIndex(of: "@") {
      user = authority[..<at]
      host = authority[authority.index(after: at)...]
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
      guard host.contains(":") else {
        throw failure("'\(text)': brackets hold an IPv6 address, and '\(host)' is none")
      }
    }
    try check(String(host), is: "host", limit: Self.maximumHostByteCount)
    if let user { try check(String(user), is: "user", limit: Self.maximumUserByteCount) }
    if path.isEmpty {
      throw failure(
        "'\(text)' has no path after the host",
        hint: "write \(authority):. for the home directory")
    }
    return RemoteLocation(
      user: user.map(String.init), host: String(host), port: port,
      path: try checked(path: path))
  }

  private func check(_ name: String, is part: String, limit: Int) throws(TransferError) {
    if name.isEmpty { throw failure("'\(text)': the \(part) is empty") }
    if name.hasPrefix("-") {
      throw failure(
        "'\(text)': a \(part) must not begin with '-', ssh would take it for an option",
        hint: localNameHint)
    }
    guard name.utf8.count <= limit else {
      throw failure("'\(beginning)': the \(part) is longer than \(limit) bytes")
    }
    // What OpenSSH refuses too: nothing of this is in a name, and all of it is in attacks.
    // Users of a Windows domain have an at sign or a backslash in theirs.
    let forbidden = "'`\"$;&<>|(){}/*?!#=,[]" + (part == "user" ? "" : "@\\")
    guard
      !name.unicodeScalars.contains(where: {
        $0.value <= 0x20 || $0.value == 0x7f || forbidden.unicodeScalars.contains($0)
      })
    else {
      throw failure(
        "'\(text)': the \(part) has a character that no \(part) has",
        hint: localNameHint)
    }
  }

  private func checked(path: String) throws(TransferError) -> String {
    guard path.utf8.count <= Self.maximumPathByteCount else {
      throw failure("'\(beginning)': the path is longer than \(Self.maximumPathByteCount) bytes")
    }
    guard !path.utf8.contains(0) else { throw failure("'\(beginning)': the path has a zero byte") }
    if NbdAddress.isAddress(path) { try check(address: path) }
    return path
  }

  /// The address of an export stands for a path, at either end.
  private func check(address: String) throws(TransferError) {
    do throws(StorageError) {
      _ = try NbdAddress(address)
    } catch {
      throw failure(error.description, hint: error.hint)
    }
  }

  /// Enough of a text that is too long to know it again.
  private var beginning: String {
    text.count > Self.shownCharacterCount ? text.prefix(Self.shownCharacterCount) + "..." : text
  }

  private static let shownCharacterCount = 60

  /// Of no use for what can be no name of a local file.
  private var localNameHint: String? {
    text.hasPrefix("ssh://") ? nil : "write ./ before the name of a local file with a colon in it"
  }

  private func failure(_ sentence: String, hint: String? = nil) -> TransferError {
    TransferError(end, sentence, hint: hint, status: .usage)
  }
}

extension Location {
  /// How messages and reports name it.
  package var displayed: String {
    switch self {
    case .local(let path): path
    case .remote(let remote): remote.displayed
    }
  }

  package var isRemote: Bool {
    if case .remote = self { true } else { false }
  }
}
