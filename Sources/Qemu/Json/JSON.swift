// SPDX-License-Identifier: Apache-2.0

/// A JSON value as QEMU speaks it. Whole numbers stay whole: sizes and counters do not fit a
/// floating-point number.
///
/// What is not there reads as nil, whatever the value is, so that a peer that lies about its
/// shape yields "nothing" and never a trap.
package enum JSON: Equatable, Sendable {
  package struct Member: Equatable, Sendable {
    package var name: String
    package var value: JSON

    package init(name: String, value: JSON) {
      self.name = name
      self.value = value
    }
  }

  case null
  case boolean(Bool)
  case integer(Int64)
  /// Above what `integer` holds.
  case unsigned(UInt64)
  case number(Double)
  case string(String)
  case array([JSON])
  /// In the order in which they were given. Of members with one name the first counts.
  case object([Member])

  package static func object(_ members: KeyValuePairs<String, JSON>) -> JSON {
    .object(members.map { Member(name: $0.key, value: $0.value) })
  }

  package static func whole(_ value: UInt64) -> JSON {
    Int64(exactly: value).map { .integer($0) } ?? .unsigned(value)
  }

  /// A member of an object.
  package subscript(name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
  package var array: [JSON]? { if case .array(let values) = self { values } else { nil } }

  package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }

  /// Sizes, offsets, counters.
  package var unsigned: UInt64? {
    switch self {
    case .integer(let value): UInt64(exactly: value)
    case .unsigned(let value): value
    default: nil
    }
  }
}

// MARK: - Writing

extension JSON {
  /// On one line, in ASCII: any text survives any way of transport.
  package var encoded: String {
    var text = ""
    write(to: &text)
    return text
  }

  private func write(to text: inout String) {
    switch self {
    case .null: text += "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .unsigned(let value): text += String(value)
    // JSON has no infinity and no NaN.
    case .number(let value): text += value.isFinite ? "\(value)" : "null"
    case .string(let value): Self.write(value, to: &text)
    case .array(let values):
      text += "["
      for (position, value) in values.enumerated() {
        if position > 0 { text += "," }
        value.write(to: &text)
      }
      text += "]"
    case .object(let members):
      text += "{"
      for (position, member) in members.enumerated() {
        if position > 0 { text += "," }
        Self.write(member.name, to: &text)
        text += ":"
        member.value.write(to: &text)
      }
      text += "}"
    }
  }

  private static func write(_ value: String, to text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\u{20}"..."\u{7e}": text.unicodeScalars.append(scalar)
      default:
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      }
    }
    text += "\""
  }
}
