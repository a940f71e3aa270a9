// SPDX-License-Identifier: Apache-2.0

import Qemu
import Testing

@testable import Live

@Suite struct GuardianMessageTests {
  static let messages: [GuardianMessage] = [
    .put(
      UndoStep(
        "pause",
        .command(
          words: ["sh", "-c", "a\nb 'c'", ""], environment: ["A": "1", "B": ""],
          timeoutSeconds: 2.5))),
    .put(
      UndoStep(
        "bitmaps",
        .qmp(
          .socket(path: "/run/ä.qmp"),
          [
            QmpUndo(QmpCommand("a"), harmlessErrors: []),
            QmpUndo(QmpCommand("b", ["c\n": .array([.string("\"")])])),
          ]))),
    .put(UndoStep("", .qmp(.domain("web1"), []))),
    .put(UndoStep("resume", .resume(.domain("a b")))),
    .put(UndoStep("instance", .remove(path: "/sys/x"))),
    .remove("pause"),
    .begin(process: 4711),
    .end(process: 4711),
    .budget(milliseconds: 3000),
    .disarm,
  ]

  @Test(arguments: messages)
  func itComesAsItWent(message: GuardianMessage) throws {
    var parser = GuardianParser()
    let bytes = try #require(message.encoded)
    for byte in bytes.dropLast() {
      parser.take([byte])
      #expect(parser.next() == .incomplete)
    }
    parser.take(bytes.suffix(1))
    #expect(parser.next() == .message(message))
    #expect(parser.next() == .incomplete)
  }

  @Test func manyComeAtOnce() throws {
    var parser = GuardianParser()
    let bytes = Self.messages.compactMap(\.encoded)
    #expect(bytes.count == Self.messages.count)
    parser.take(bytes.flatMap(\.self)[...])
    for message in Self.messages { #expect(parser.next() == .message(message)) }
    #expect(parser.next() == .incomplete)
  }

  @Test func thereIsALimit() {
    // The count of the field and of its name take 4 bytes each, and the name itself 6.
    let longest = GuardianMessage.maximumByteCount - 14
    let fits = GuardianMessage.remove(String(repeating: "x", count: longest))
    #expect(fits.encoded?.count == 4 + GuardianMessage.maximumByteCount)
    let isTooLong = GuardianMessage.remove(String(repeating: "x", count: longest + 1))
    #expect(isTooLong.encoded == nil)
    var parser = GuardianParser()
    parser.take(fits.encoded![...])
    #expect(parser.next() == .message(fits))
  }

  @Test(
    arguments: [
      [255, 255, 255, 255], [1, 0, 16, 0],
      [1, 0, 0, 0, 9], [5, 0, 0, 0, 2, 0, 0, 0, 9], [5, 0, 0, 0, 1, 0, 0, 0, 0xFF],
      [5, 0, 0, 0, 1, 0, 0, 0, 0x41], [0, 0, 0, 0],
    ] as [[UInt8]])
  func whatIsNoMessageIsNotBelieved(bytes: [UInt8]) {
    var parser = GuardianParser()
    parser.take(bytes[...])
    #expect(parser.next() == .malformed)
    parser.take(GuardianMessage.disarm.encoded![...])
    #expect(parser.next() == .malformed)
  }

  /// Whatever is put in, it ends, and what it takes for messages are messages.
  @Test func garbledBytesDoNoHarm() {
    var random = Random.fresh(for: "GuardianMessageTests.garbledBytesDoNoHarm")
    let whole = Self.messages.flatMap { $0.encoded! }
    for _ in 0..<3000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      var parser = GuardianParser()
      parser.take(bytes[...])
      var count = 0
      while case .message = parser.next() { count += 1 }
      #expect(count < whole.count)
    }
  }
}
