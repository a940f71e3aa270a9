// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

/// The sentences that users read.
@Suite struct WireErrorTests {
  struct Case: Sendable {
    let type: MessageType
    let payload: PayloadBytes
    let sentence: String
  }

  private static let empty = PayloadBytes()

  @Test(arguments: [
    Case(
      type: .position, payload: empty.u32(1),
      sentence: "message position: segment: found 4 bytes left, allowed 8 bytes"),
    Case(
      type: .agreed, payload: empty.u8(1),
      sentence: "message agreed: end: found 1 more bytes, allowed none"),
    Case(
      type: .pass, payload: empty.u16(1).u8(8),
      sentence: "message pass: flags: found 8, allowed 0 to 7"),
    Case(
      type: .job, payload: empty.u8(9),
      sentence: "message job: operation: found 9, "
        + "allowed 0 (copy), 1 (estimate), 2 (verify), 3 (digest), 4 (stream), 5 (measure)"),
    Case(
      type: .want, payload: empty.u64(3).zeros(32),
      sentence: "message want: segment: found 3, allowed a segment of 3"),
    Case(
      type: .zero, payload: empty.u64(2).u64(.max),
      sentence: "message zero: segments: found 18446744073709551615 from segment 2 on, "
        + "allowed at least 1 and none past segment 3"),
    Case(
      type: .differ, payload: empty.u64(2).u16(0x8000),
      sentence: "message differ: groups: found groups past the end, allowed the first 2"),
    Case(
      type: .failure, payload: empty.u8(1).u16(1).raw([0xFF]),
      sentence: "message failure: sentence: found \"\u{FFFD}\", allowed UTF-8"),
    Case(
      type: .data, payload: empty.u8(1).u16(1).u32(41).raw([0x28]),
      sentence: "message data: compressed content: found another format, allowed a zstd frame"),
  ])
  func namesWhatIsWrong(_ example: Case) {
    let error = #expect(throws: WireError.self) {
      let frame = Frame(type: example.type, payload: example.payload.bytes)
      let message = try Message(frame, shape: GoldenMessage.shape)
      guard case .data(let batch) = message else { return }
      _ = try batch.content(shape: GoldenMessage.shape, using: Decompressor())
    }
    #expect(error?.description == example.sentence)
  }

  struct Stream: Sendable {
    let bytes: [UInt8]
    let sentence: String
  }

  @Test(arguments: [
    Stream(
      bytes: Array("Last login: Mon\n".utf8),
      sentence: "the other end does not speak blkmove's protocol: it says \"Last login: Mon\\n\""),
    Stream(
      bytes: [], sentence: "the stream ended in the middle of the greeting: magic: 0 of 8 bytes"),
    Stream(
      bytes: WireLimits.magic + [1, 2],
      sentence: "the stream ended in the middle of a frame: header: 2 of 5 bytes"),
    Stream(
      bytes: WireLimits.magic + [9, 0, 0, 0, 7, 1],
      sentence: "the stream ended in the middle of message position: payload: 1 of 9 bytes"),
    Stream(
      bytes: WireLimits.magic + [0, 0, 0, 0, 99],
      sentence: "message of unknown type: type: found 99, allowed 1 to 34"),
    Stream(
      bytes: WireLimits.magic + [0, 0, 0, 1, 12],
      sentence: "message want: payload: found 16777216 bytes, allowed at most 128"),
  ])
  func namesWhereTheStreamBreaks(_ stream: Stream) {
    var parser = FrameParser()
    stream.bytes.withUnsafeBytes { parser.append($0) }
    let error = #expect(throws: WireError.self) {
      while try parser.next() != nil {}
      try parser.finish()
    }
    #expect(error?.description == stream.sentence)
  }
}
