// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

/// Compressed bodies that are not what they say.
@Suite struct DecompressorTests {
  private static let shape = ImageShape(byteCount: 4 << 20)

  /// A compressed batch of some pages of text, and its content.
  private static func sound(pageCount: Int) throws -> [UInt8] {
    var builder = DataBatchBuilder(shape: shape)
    var bits = RandomBits(seed: 4)
    let text = CompressorTests.Content.text.bytes(pageCount * 4096, &bits)
    builder.append(PageSet(firstPages: pageCount), of: 2) { room in room.copyBytes(from: text) }
    let frame = try #require(
      try MessageTests.frame(builder.finish(Compressor(), level: 3)))
    #expect(frame.payload[0] == DataBatch.Packing.zstd.rawValue)
    return frame.payload
  }

  /// A zstd frame around `content` whose compression this test chooses.
  private static func zstd(_ content: [UInt8]) throws -> [UInt8] {
    var output: [UInt8] = []
    try #require(Compressor().append(content, from: 0, level: 1, to: &output))
    return output
  }

  private static func open(_ payload: [UInt8]) throws -> DataBatchContent? {
    guard case .data(let batch) = try Message(Frame(type: .data, payload: payload)) else {
      return nil
    }
    return try batch.content(shape: shape, using: Decompressor())
  }

  private static func expectRefusal(_ payload: [UInt8]) {
    let error = #expect(throws: WireError.self) { try open(payload) }
    #expect(error?.field == "compressed content" || error?.field == "body bytes")
  }

  /// Overwrites the announced size of the content.
  private static func announcing(_ byteCount: Int, _ payload: [UInt8]) -> [UInt8] {
    var payload = payload
    for index in 0..<4 {
      payload[3 + index] = UInt8(truncatingIfNeeded: byteCount >> (8 * index))
    }
    return payload
  }

  @Test func soundContentIsRead() throws {
    #expect(try DecompressorTests.open(DecompressorTests.sound(pageCount: 5))?.entries.count == 1)
  }

  @Test(arguments: [-4096, -1, 1, 4096])
  func anotherSizeIsRefused(difference: Int) throws {
    let payload = try DecompressorTests.sound(pageCount: 5)
    let byteCount = 5 * 4096 + 40
    #expect(DecompressorTests.announcing(byteCount, payload) == payload)
    DecompressorTests.expectRefusal(
      DecompressorTests.announcing(byteCount + difference, payload))
  }

  @Test func aBombIsRefused() throws {
    // 64 MiB of zeros in a few KiB; the message can announce 1 MiB at most.
    let bomb = try DecompressorTests.zstd([UInt8](repeating: 0, count: 64 << 20))
    #expect(bomb.count < 100_000)
    for announced in [41, 4136, (1 << 20) + 40] {
      DecompressorTests.expectRefusal(
        PayloadBytes().u8(1).u16(1).u32(announced).raw(bomb).bytes)
    }
  }

  /// A frame of one run-length block that makes far more than its header says.
  @Test func aFrameThatMakesMoreThanItSaysIsRefused() throws {
    let header: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x60, 0x28, 0x0F]  // 4136 bytes
    var runs: [UInt8] = []
    for number in 0..<100 {
      // 128 KiB of one byte, the last block marked as such.
      let word = (131_072 << 3) | (1 << 1) | (number == 99 ? 1 : 0)
      for shift in [0, 8, 16] { runs.append(UInt8(truncatingIfNeeded: word >> shift)) }
      runs.append(7)
    }
    DecompressorTests.expectRefusal(
      PayloadBytes().u8(1).u16(1).u32(4136).raw(header + runs).bytes)
  }

  @Test func whatFollowsTheFrameIsRefused() throws {
    let payload = try DecompressorTests.sound(pageCount: 5)
    DecompressorTests.expectRefusal(payload + [0])
    let half = [UInt8](repeating: 3, count: 2068)
    let two = try DecompressorTests.zstd(half) + DecompressorTests.zstd(half)
    DecompressorTests.expectRefusal(PayloadBytes().u8(1).u16(1).u32(4136).raw(two).bytes)
  }

  @Test func skippableAndOlderFramesAreRefused() throws {
    let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 0]
    let sound = Array(try DecompressorTests.sound(pageCount: 1).dropFirst(7))
    let older: [UInt8] = [0x27] + sound.dropFirst()
    for bytes in [skippable, skippable + sound, older, [1], [1, 2, 3]] as [[UInt8]] {
      DecompressorTests.expectRefusal(
        PayloadBytes().u8(1).u16(1).u32(4136).raw(bytes).bytes)
    }
  }

  @Test(.timeLimit(.minutes(1))) func noChangedByteTraps() throws {
    var payload = try DecompressorTests.sound(pageCount: 1)
    var bits = TestSeed.bits()
    for index in payload.indices {
      let before = payload[index]
      for _ in 0..<20 {
        payload[index] = UInt8.random(in: 0...255, using: &bits)
        _ = try? DecompressorTests.open(payload)
      }
      payload[index] = before
    }
    for count in payload.indices {
      #expect(throws: WireError.self) { try DecompressorTests.open(Array(payload[..<count])) }
    }
  }

  /// The context is reused: a bad frame must not spoil the next.
  @Test func aBadFrameDoesNotSpoilTheNext() throws {
    let decompressor = Decompressor()
    let sound = try DecompressorTests.sound(pageCount: 3)
    for index in 8..<40 {
      var bad = sound
      bad[index] ^= 0x55
      for payload in [bad, sound] {
        guard case .data(let batch)? = try? Message(Frame(type: .data, payload: payload)) else {
          continue
        }
        let content = try? batch.content(shape: DecompressorTests.shape, using: decompressor)
        if payload == sound { #expect(content != nil) }
      }
    }
  }
}
