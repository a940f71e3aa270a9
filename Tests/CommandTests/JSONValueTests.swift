// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import blkmove

@Suite struct JSONValueTests {
  static let values: [(value: JSONValue, text: String)] = [
    (.null, "null"), (.boolean(true), "true"), (.boolean(false), "false"),
    (.integer(0), "0"), (.integer(.max), "18446744073709551615"),
    (.number(0), "0.0"), (.number(1.5), "1.5"), (.number(1.23456), "1.235"),
    (.number(1e300), "1e+300"), (.number(.nan), "null"), (.number(-.infinity), "null"),
    (.string(""), "\"\""), (.string("a/b"), "\"a/b\""),
    (.string("\"\\\n\r\t"), #""\"\\\n\r\t""#),
    (.string("\u{0}\u{1b}\u{1f}\u{7f}\u{9b}"), #""\u0000\u001b\u001f\u007f\u009b""#),
    (.string("é\u{301}😀"), "\"é\u{301}😀\""),
    (.string("\u{2028}\u{2029}"), #""\u2028\u2029""#),
    (.array([]), "[]"), (.array([.null, .integer(1)]), "[null,1]"),
    (.object([:]), "{}"), (.object(["b": .null, "a\"": .array([])]), #"{"b":null,"a\"":[]}"#),
  ]

  @Test(arguments: values)
  func isWritten(value: JSONValue, text: String) throws {
    #expect(value.encoded == text)
    _ = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
  }

  @Test func everyScalarIsReadBackAsItWas() throws {
    let scalars = (0...0x10ffff).compactMap { Unicode.Scalar(UInt32($0)) }
    for start in stride(from: 0, to: scalars.count, by: 4096) {
      let part = scalars[start..<min(start + 4096, scalars.count)]
      let text = String(String.UnicodeScalarView(part))
      let encoded = JSONValue.array([.string(text)]).encoded
      #expect(!encoded.contains("\n"))
      let decoded = try JSONDecoder().decode([String].self, from: Data(encoded.utf8))
      #expect(decoded[0].unicodeScalars.elementsEqual(part), "from \(start)")
    }
  }
}
