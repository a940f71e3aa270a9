// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@Suite struct FrameParserTests {
  @Test func messagesCrossAStream() throws {
    var runs = SegmentRuns(first: 7, width: .short)
    runs.append(zeroSegments: 9)
    runs.append(Digest(1, 2, 3, 4))
    let messages: [Message] = [
      .hello(Hello(program: "blkmove 1.0")),
      .job(Job(operation: .copy, serverRole: .target, compression: .level(3), suggestedName: "a")),
      .segments(runs), .agreed, .position(12), .failure(Failure(exitStatus: 1, sentence: "no")),
    ]
    let stream = WireLimits.magic + messages.flatMap { $0.encoded() }
    for chunkByteCount in [1, 2, 3, 7, 64, 1000] {
      var parser = FrameParser()
      var found: [Message] = []
      var position = 0
      while position < stream.count {
        let chunk = Array(stream[position..<min(stream.count, position + chunkByteCount)])
        chunk.withUnsafeBytes { parser.append($0) }
        while let frame = try parser.next() { found.append(try Message(frame)) }
        position += chunk.count
      }
      try parser.finish()
      #expect(found == messages)
    }
  }
}
