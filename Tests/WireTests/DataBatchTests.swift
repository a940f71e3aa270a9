// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@Suite struct DataBatchTests {
  @Test(arguments: [nil, 1, 3, -5] as [Int?])
  func pagesComeBackAtEveryLevel(level: Int?) throws {
    let shape = ImageShape(byteCount: (3 << 20) + 5000)
    var builder = DataBatchBuilder(shape: shape)
    var pages = PageSet(firstPages: 2)
    var expected: [UInt8] = []
    for segment in [3, 0] {
      if segment == 0 { pages[200] = true }
      #expect(builder.fitting(pages, of: segment) == pages)
      builder.append(pages, of: segment) { room in
        for index in room.indices { room[index] = UInt8(truncatingIfNeeded: index / 7) }
        expected += room
      }
    }
    #expect(expected.count == 5000 + 3 * 4096)
    let bytes = builder.finish(Compressor(), level: level)
    #expect(builder.isEmpty)
    var parser = FrameParser(awaitsMagic: false)
    bytes.withUnsafeBytes { parser.append($0) }
    let frame = try #require(try parser.next())
    let message = try Message(frame, shape: shape)
    guard case .data(let batch) = message else {
      Issue.record("no data message")
      return
    }
    #expect(batch.packing == (level == nil ? .raw : .zstd))
    let content = try batch.content(shape: shape, using: Decompressor())
    #expect(content.entries.map(\.segment) == [3, 0])
    #expect(content.withPageBytes { Array($0) } == expected)
    #expect(message.encoded() == bytes)
  }
}
