// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Qemu

struct JSONTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    var value: JSON?
    var testDescription: String { text }

    init(_ text: String, _ value: JSON?) {
      self.text = text
      self.value = value
    }
  }

  static let cases: [Case] = [
    Case("null", .null), Case(" true ", .boolean(true)), Case("false", .boolean(false)),
    Case("0", .integer(0)), Case("-0", .integer(0)), Case("-12", .integer(-12)),
    Case("9223372036854775807", .integer(.max)),
    Case("18446744073709551615", .unsigned(.max)),
    Case("18446744073709551616", .number(18446744073709551616)),
    Case("1.5e3", .number(1500)), Case("1E+2", .number(100)), Case("1e-1", .number(0.1)),
    Case(#""a\"\\\/\b\f\n\r\tb""#, .string("a\"\\/\u{8}\u{c}\n\r\tb")),
    Case(#""\u00e9\ud83d\ude00""#, .string("\u{e9}\u{1f600}")),
    Case(#""\ud83d""#, .string("\u{fffd}")), Case(#""\ud83d\n""#, .string("\u{fffd}\n")),
    Case("[]", .array([])), Case("[ 1 , [ ] ]", .array([.integer(1), .array([])])),
    Case(#"{ "a" : { } }"#, .object(["a": .object([])])),
    Case("", nil), Case(" ", nil), Case("nul", nil), Case("nulls", nil), Case("01", nil),
    Case("-", nil), Case("1.", nil), Case(".5", nil), Case("1e", nil), Case("+1", nil),
    Case("[1,]", nil), Case("[1", nil), Case("{\"a\":1,}", nil), Case("{a:1}", nil),
    Case("{\"a\" 1}", nil), Case("\"a", nil), Case("\"a\nb\"", nil), Case(#""\x""#, nil),
    Case(#""\u12g4""#, nil), Case(#""\u12"#, nil), Case("1 2", nil), Case("NaN", nil),
    Case("1e999", nil),
  ]

  @Test(arguments: cases)
  func textsAreReadAsTheStandardSays(_ example: Case) {
    #expect((try? JSONParser.parse(example.text)) == example.value)
  }

  @Test(arguments: cases.filter { $0.value != nil })
  func whatIsWrittenIsReadAgain(_ example: Case) throws {
    let value = try #require(example.value)
    #expect(try JSONParser.parse(value.encoded) == value)
    #expect(value.encoded.utf8.allSatisfy { (0x20...0x7e).contains($0) })
  }

  @Test func membersAreFoundAndOthersAreNot() throws {
    let value = try JSONParser.parse(#"{"a": 1, "a": 2, "b": [true], "c": 18446744073709551615}"#)
    #expect(value["a"]?.unsigned == 1)
    #expect(value["b"]?.array?.first?.boolean == true)
    #expect(value["c"]?.unsigned == .max)
    #expect(value["c"]?.integer == nil)
    #expect(value["d"] == nil)
    #expect(value["a"]?["a"]?.string == nil)
    #expect(JSON.integer(-1).unsigned == nil)
    #expect(JSON.whole(.max) == .unsigned(.max) && JSON.whole(7) == .integer(7))
  }

  @Test func depthIsLimited() {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    let limit = JSONParser.maximumDepth + 1
    #expect((try? JSONParser.parse(nested(limit))) != nil)
    #expect(throws: JSONParser.Failure.tooDeep) { try JSONParser.parse(nested(limit + 1)) }
    #expect(throws: JSONParser.Failure.tooDeep) {
      try JSONParser.parse(String(repeating: "{\"a\":", count: 100_000))
    }
  }

  @Test func lengthAndCountAreLimited() {
    let spaces = [UInt8](repeating: 0x20, count: JSONParser.maximumByteCount)
    #expect(throws: JSONParser.Failure.tooLong) { try JSONParser.parse((spaces + [0x31])[...]) }
    #expect((try? JSONParser.parse((spaces.dropFirst() + [0x31])[...])) == .integer(1))
    func zeros(_ count: Int) -> String {
      "[" + String(repeating: "0,", count: count - 1) + "0]"
    }
    let limit = JSONParser.maximumValueCount - 1
    #expect((try? JSONParser.parse(zeros(limit))) != nil)
    #expect(throws: JSONParser.Failure.tooMany) { try JSONParser.parse(zeros(limit + 1)) }
  }

  @Test func anyBytesGiveAValueOrAnError() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let signs = Array("{}[]\",:\\u0123456789eE+-.truefalsn \u{e9}".utf8)
    for _ in 0..<20_000 {
      let bytes = (0..<next(40)).map { _ in
        next(8) == 0 ? UInt8(next(256)) : signs[next(signs.count)]
      }
      guard let value = try? JSONParser.parse(bytes[...]) else { continue }
      #expect((try? JSONParser.parse(value.encoded)) == value)
    }
  }
}
