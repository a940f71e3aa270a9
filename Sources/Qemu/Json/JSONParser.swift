// SPDX-License-Identifier: Apache-2.0

/// Reads one JSON value from bytes that anybody may have written (RFC 8259).
///
/// It is total: any bytes give a value or an error. How deep, how long and how many are limited,
/// so that neither the stack nor the memory can be filled from outside.
package struct JSONParser {
  package enum Failure: Error, Equatable, Sendable {
    case tooLong, tooDeep, tooMany
    case unexpected(offset: Int)
  }

  package static let maximumByteCount = 16 << 20
  package static let maximumDepth = 64
  /// Values and member names in one text.
  package static let maximumValueCount = 1 << 20

  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private var valueCount = 0

  /// The one value that `bytes` are; nothing but white space may follow it.
  package static func parse(_ bytes: ArraySlice<UInt8>) throws(Failure) -> JSON {
    if bytes.count > maximumByteCount { throw .tooLong }
    var parser = JSONParser(bytes: bytes, position: bytes.startIndex)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.position != bytes.endIndex { throw parser.unexpected }
    return value
  }

  package static func parse(_ text: String) throws(Failure) -> JSON {
    try parse(Array(text.utf8)[...])
  }

  private init(bytes: ArraySlice<UInt8>, position: Int) {
    self.bytes = bytes
    self.position = position
  }

  private var unexpected: Failure { .unexpected(offset: position - bytes.startIndex) }

  private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d {
      position += 1
    }
  }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: scalar) else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(Failure) -> JSON {
    if depth > Self.maximumDepth { throw .tooDeep }
    try count()
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func count() throws(Failure) {
    valueCount += 1
    if valueCount > Self.maximumValueCount { throw .tooMany }
  }

  private mutating func word(_ word: String, _ value: JSON) throws(Failure) -> JSON {
    for byte in word.utf8 {
      guard next == byte else { throw unexpected }
      position += 1
    }
    return value
  }

  private mutating func array(depth: Int) throws(Failure) -> JSON {
    position += 1
    var values: [JSON] = []
    skipSpace()
    if take("]") { return .array([]) }
    while true {
      values.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return .array(values) }
      guard take(",") else { throw unexpected }
    }
  }

  private mutating func object(depth: Int) throws(Failure) -> JSON {
    position += 1
    var members: [JSON.Member] = []
    skipSpace()
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      try count()
      let name = try string()
      skipSpace()
      guard take(":") else { throw unexpected }
      members.append(JSON.Member(name: name, value: try value(depth: depth + 1)))
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw unexpected }
    }
  }

  private mutating func digits() throws(Failure) {
    guard let byte = next, isDigit(byte) else { throw unexpected }
    while let byte = next, isDigit(byte) { position += 1 }
  }

  private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private mutating func number() throws(Failure) -> JSON {
    let start = position
    _ = take("-")
    if !take("0") { try digits() }
    var isWhole = true
    if take(".") {
      isWhole = false
      try digits()
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("-") { _ = take("+") }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let value = Int64(text) { return .integer(value) }
    if isWhole, let value = UInt64(text) { return .unsigned(value) }
    guard let value = Double(text), value.isFinite else {
      throw .unexpected(offset: start - bytes.startIndex)
    }
    return .number(value)
  }
}

// MARK: - Strings

extension JSONParser {
  private mutating func string() throws(Failure) -> String {
    guard take("\"") else { throw unexpected }
    var content: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\\"):
        position += 1
        try escape(into: &content)
      case ..<0x20: throw unexpected
      default:
        content.append(byte)
        position += 1
      }
    }
    throw unexpected
  }

  private mutating func escape(into content: inout [UInt8]) throws(Failure) {
    guard let byte = next else { throw unexpected }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0c)
    case UInt8(ascii: "n"): content.append(0x0a)
    case UInt8(ascii: "r"): content.append(0x0d)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      var units = [try unit()]
      // The other half of a pair, if that is what comes.
      if UTF16.isLeadSurrogate(units[0]), next == UInt8(ascii: "\\") {
        let before = position
        position += 1
        if take("u") { units.append(try unit()) } else { position = before }
      }
      content += String(decoding: units, as: UTF16.self).utf8
    default:
      position -= 1
      throw unexpected
    }
  }

  private mutating func unit() throws(Failure) -> UInt16 {
    var result: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue,
        byte < 0x80
      else { throw unexpected }
      result = result << 4 | UInt16(digit)
      position += 1
    }
    return result
  }
}
