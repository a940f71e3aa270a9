// SPDX-License-Identifier: Apache-2.0

/// Takes messages out of what comes over the guardian's pipe, in whatever pieces.
package struct GuardianParser {
  package enum Result: Equatable {
    case message(GuardianMessage)
    /// More bytes are needed.
    case incomplete
    /// This is no message: from here on nothing can be believed, and nothing is kept.
    case malformed
  }

  private var bytes: [UInt8] = []
  private var isMalformed = false

  package init() {}

  package mutating func take(_ more: ArraySlice<UInt8>) {
    if !isMalformed { bytes += more }
  }

  package mutating func next() -> Result {
    if isMalformed { return .malformed }
    let result = parse()
    if result == .malformed {
      isMalformed = true
      bytes = []
    }
    return result
  }

  private mutating func parse() -> Result {
    guard bytes.count >= 4 else { return .incomplete }
    let count = Self.number(bytes[0..<4])
    guard count <= GuardianMessage.maximumByteCount else { return .malformed }
    guard bytes.count >= 4 + count else { return .incomplete }
    var payload = bytes[4..<4 + count]
    var fields: [String] = []
    while !payload.isEmpty {
      guard payload.count >= 4 else { return .malformed }
      let length = Self.number(payload.prefix(4))
      payload = payload.dropFirst(4)
      guard length <= payload.count,
        let field = String(validating: payload.prefix(length), as: UTF8.self)
      else { return .malformed }
      fields.append(field)
      payload = payload.dropFirst(length)
    }
    bytes.removeFirst(4 + count)
    return GuardianMessage(fields: fields).map(Result.message) ?? .malformed
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}
