// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@Suite struct FrameParserTests {
  private static let small: [Message] = [
    .hello(Hello(program: "blkmove 1.0")), .agreed, .position(12),
    .failure(Failure(exitStatus: 1, sentence: "no")),
  ]

  /// How the next piece of a stream is handed over.
  enum Manner: CaseIterable, Sendable {
    case append, receive, mixed
  }

  private static func feed(
    _ chunk: ArraySlice<UInt8>, to parser: inout FrameParser, appending: Bool
  ) -> Int {
    if appending {
      chunk.withUnsafeBytes { parser.append($0) }
      return chunk.count
    }
    return parser.receive { room in
      let count = min(room.count, chunk.count)
      chunk.prefix(count).withUnsafeBytes { room.copyMemory(from: $0) }
      return count
    }
  }

  /// Parses `stream` in chunks that end at the given positions and at its end.
  private static func frames(
    of stream: [UInt8], endingAt ends: [Int], manner: Manner = .append, asksRarely: Bool = false
  ) throws -> [Frame] {
    var parser = FrameParser()
    var frames: [Frame] = []
    var position = 0
    var number = 0
    for end in ends + [stream.count] {
      while position < end {
        number += 1
        position += feed(
          stream[position..<end], to: &parser,
          appending: manner == .append || manner == .mixed && number % 3 == 0)
        if asksRarely && number % 5 != 0 { continue }
        while let frame = try parser.next() { frames.append(frame) }
      }
    }
    while let frame = try parser.next() { frames.append(frame) }
    try parser.finish()
    return frames
  }

  @Test(arguments: Manner.allCases)
  func everyPairOfCutsGivesTheSame(manner: Manner) throws {
    let stream = WireLimits.magic + FrameParserTests.small.flatMap { $0.encoded() }
    for one in 0...stream.count {
      for other in one...stream.count {
        let frames = try FrameParserTests.frames(
          of: stream, endingAt: [one, other], manner: manner)
        #expect(try frames.map { try Message($0) } == FrameParserTests.small)
      }
    }
  }

  @Test(arguments: [1, 2, 3, 7, 11, 64])
  func chunksOfOneSizeGiveTheSame(chunkByteCount: Int) throws {
    let stream = WireLimits.magic + FrameParserTests.small.flatMap { $0.encoded() }
    let ends = Array(stride(from: chunkByteCount, to: stream.count, by: chunkByteCount))
    for manner in Manner.allCases {
      let frames = try FrameParserTests.frames(of: stream, endingAt: ends, manner: manner)
      #expect(try frames.map { try Message($0) } == FrameParserTests.small)
    }
  }

  @Test(.timeLimit(.minutes(1)), arguments: Manner.allCases, [false, true])
  func largeFramesInRandomChunks(manner: Manner, asksRarely: Bool) throws {
    var bits = TestSeed.bits()
    let sizes = [0, 1, 65_535, 65_536, 65_537, 1 << 20, MessageType.data.payloadByteCountLimit]
    for chunkLimit in [700, 100_000, 3 << 20] {
      var expected: [Frame] = []
      var stream = WireLimits.magic
      for size in sizes.shuffled(using: &bits) {
        let frame = Frame(type: .data, payload: bits.bytes(size))
        expected.append(frame)
        for shift in [0, 8, 16, 24] { stream.append(UInt8(truncatingIfNeeded: size >> shift)) }
        stream.append(frame.type.rawValue)
        stream += frame.payload
      }
      var ends: [Int] = []
      while (ends.last ?? 0) < stream.count {
        ends.append(min(stream.count, (ends.last ?? 0) + 1 + bits.below(chunkLimit)))
      }
      let found = try FrameParserTests.frames(
        of: stream, endingAt: ends, manner: manner, asksRarely: asksRarely)
      #expect(found == expected)
    }
  }

  @Test func mostOfALargePayloadIsReadInPlace() throws {
    let payloadByteCount = 1 << 20
    var parser = FrameParser(awaitsMagic: false)
    let header: [UInt8] = [0, 0, 16, 0, MessageType.data.rawValue]
    header.withUnsafeBytes { parser.append($0) }
    #expect(try parser.next() == nil)
    var lent: UnsafeMutableRawPointer?
    _ = parser.receive { room in
      #expect(room.count == payloadByteCount)
      lent = room.baseAddress
      room.initializeMemory(as: UInt8.self, repeating: 9)
      return room.count
    }
    let frame = try #require(try parser.next())
    frame.payload.withUnsafeBytes { #expect($0.baseAddress == UnsafeRawPointer(lent)) }
    #expect(frame.payload == [UInt8](repeating: 9, count: payloadByteCount))
  }

  @Test func nothingBeyondTheFrameIsAskedFor() throws {
    var parser = FrameParser(awaitsMagic: false)
    let start: [UInt8] = [0, 0, 16, 0, MessageType.data.rawValue, 1, 2, 3]
    start.withUnsafeBytes { parser.append($0) }
    #expect(try parser.next() == nil)
    #expect(parser.receive { $0.count } == (1 << 20) - 3)
    #expect(try parser.next()?.payload.count == 1 << 20)
    try parser.finish()
  }

  @Test func anErrorOfTheReaderIsPassedOn() {
    struct Cut: Error {}
    var parser = FrameParser()
    #expect(throws: Cut.self) {
      try parser.receive { _ throws(Cut) -> Int in throw Cut() }
    }
    #expect(parser.receive { _ in 0 } == 0)
    #expect(throws: WireError.self) { try parser.finish() }
  }

  struct Stranger: Sendable {
    let text: String
    let evidence: String
  }

  @Test(arguments: [
    Stranger(text: "W", evidence: "\"W\""),
    Stranger(text: "Welcome to backup\n", evidence: "\"Welcome to backup\\n\""),
    Stranger(text: "BLKMOVE\r\n", evidence: "\"BLKMOVE\\r\\n\""),
    Stranger(text: "\u{1B}[31mred", evidence: "\"\\u{1b}[31mred\""),
    Stranger(
      text: String(repeating: "x", count: 65),
      evidence: "\"" + String(repeating: "x", count: 64) + "\" ..."),
  ])
  func aStrangerIsQuoted(_ stranger: Stranger) throws {
    var parser = FrameParser()
    Array(stranger.text.utf8).withUnsafeBytes { parser.append($0) }
    let error = #expect(throws: WireError.self) { try parser.next() }
    #expect(error?.kind == .magic)
    #expect(error?.found == stranger.evidence)
    // The stream is lost, whatever follows.
    WireLimits.magic.withUnsafeBytes { parser.append($0) }
    #expect(parser.receive { $0.count } == 64 << 10)
    #expect(throws: error!) { try parser.next() }
    #expect(throws: error!) { try parser.finish() }
  }

  struct Header: Sendable {
    let bytes: [UInt8]
    let isAllowed: Bool
  }

  @Test(arguments: [
    Header(bytes: [0, 0, 0, 0, 0], isAllowed: false),
    Header(bytes: [0, 0, 0, 0, 16], isAllowed: true),
    Header(bytes: [0, 0, 0, 0, 21], isAllowed: true),
    Header(bytes: [0, 0, 0, 0, 22], isAllowed: true),
    Header(bytes: [0, 0, 0, 0, 35], isAllowed: false),
    Header(bytes: [0, 0, 0, 0, 255], isAllowed: false),
    Header(bytes: [128, 0, 0, 0, 16], isAllowed: true),
    Header(bytes: [129, 0, 0, 0, 16], isAllowed: false),
    Header(bytes: [255, 255, 255, 255, 13], isAllowed: false),
  ])
  func headersAreJudgedBeforeTheirPayload(_ header: Header) throws {
    var parser = FrameParser(awaitsMagic: false)
    header.bytes.withUnsafeBytes { parser.append($0) }
    if header.isAllowed {
      _ = try parser.next()
    } else {
      #expect(throws: WireError.self) { try parser.next() }
    }
  }

  @Test(arguments: MessageType.allCases)
  func payloadsHaveALimit(_ type: MessageType) throws {
    #expect(type.payloadByteCountLimit <= WireLimits.payloadByteCount)
    for (excess, isAllowed) in [(0, true), (1, false)] {
      var parser = FrameParser(awaitsMagic: false)
      var bytes = [UInt8](repeating: 0, count: 4)
      for index in 0..<4 {
        bytes[index] = UInt8(
          truncatingIfNeeded: (type.payloadByteCountLimit + excess) >> (8 * index))
      }
      bytes.append(type.rawValue)
      bytes.withUnsafeBytes { parser.append($0) }
      if isAllowed {
        #expect(try parser.next() == nil)
      } else {
        let error = #expect(throws: WireError.self) { try parser.next() }
        #expect(error?.message == type.name)
      }
    }
  }
}
