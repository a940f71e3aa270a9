// SPDX-License-Identifier: Apache-2.0

/// The members of one JSON object, no deeper: strings as they read, all else as it was written.
///
/// It is what the guardian needs to tell an answer from an event. It takes texts that are no JSON
/// for an object as long as their brackets and quotes fit, and never traps.
struct GlancedObject {
  private(set) var members: [String: String] = [:]

  init?(_ text: String) {
    var reader = Reader(bytes: Array(text.utf8))
    guard reader.take("{") else { return nil }
    if reader.take("}") { return }
    repeat {
      guard let name = reader.string(), reader.take(":"), let value = reader.value() else {
        return nil
      }
      members[name] = value
    } while reader.take(",")
    guard reader.take("}") else { return nil }
  }

  private struct Reader {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
      while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }

    mutating func take(_ sign: Unicode.Scalar) -> Bool {
      skipSpace()
      guard next == UInt8(ascii: sign) else { return false }
      position += 1
      return true
    }

    mutating func string() -> String? {
      guard take("\"") else { return nil }
      var result: [UInt8] = []
      while let byte = next {
        position += 1
        if byte == UInt8(ascii: "\"") { return String(decoding: result, as: UTF8.self) }
        guard byte == UInt8(ascii: "\\") else {
          result.append(byte)
          continue
        }
        guard let escaped = next else { return nil }
        position += 1
        // What is escaped otherwise is for people to read, who see what was meant.
        result += escaped == UInt8(ascii: "n") ? [0x0A] : [escaped]
      }
      return nil
    }

    /// A string as it reads, or anything else up to the sign behind it.
    mutating func value() -> String? {
      skipSpace()
      if next == UInt8(ascii: "\"") { return string() }
      let start = position
      var depth = 0
      while let byte = next {
        switch byte {
        case UInt8(ascii: "\""):
          if string() == nil { return nil }
          continue
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","):
          if depth == 0 {
            return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
          }
          if byte != UInt8(ascii: ",") { depth -= 1 }
        default: break
        }
        position += 1
      }
      return nil
    }
  }
}
