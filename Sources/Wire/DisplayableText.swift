// SPDX-License-Identifier: Apache-2.0

/// Text that is safe to show: what another machine says must not move the cursor, recolour
/// the terminal, turn the direction of writing or add a line to a log.
extension String {
  /// The same text with every control and direction character written as an escape.
  package var displayable: String {
    if unicodeScalars.allSatisfy({ !$0.isObeyedByTerminals }) { return self }
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.isObeyedByTerminals:
        result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Bytes that should have been something else, as evidence for an error.
  init(evidence bytes: some Collection<UInt8>, atMost limit: Int = 64) {
    let shown = String(decoding: bytes.prefix(limit), as: UTF8.self).displayable
    self = "\"\(shown)\"" + (bytes.count > limit ? " ..." : "")
  }

  /// The longest beginning that has at most `limit` bytes and ends between two characters.
  func cut(toByteCount limit: Int) -> Substring {
    if utf8.count <= limit { return self[...] }
    var end = utf8.index(startIndex, offsetBy: limit)
    while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
    return self[..<end]
  }
}

extension Unicode.Scalar {
  fileprivate var isObeyedByTerminals: Bool {
    switch value {
    case 0x00...0x1F, 0x7F...0x9F: true
    case 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0x061C: true
    default: false
    }
  }
}
