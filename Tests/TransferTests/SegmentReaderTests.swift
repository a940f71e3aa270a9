// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Testing

@testable import Transfer

@Suite struct SegmentReaderTests {
  @Test func digestsAreThoseOfTheBytesAndHolesAreNotRead() throws {
    var random = Random.printed()
    let pages = Pages.random(pageCount: 700, tail: 100, using: &random)
    let image = MemoryImage(pages)
    let reader = SegmentReader(image: image, shape: pages.shape)
    // In any order, and again: what is left of the last one must not show.
    for segment in [2, 0, 1, 1, 2, 0] {
      let expected = pages.digests(of: segment)
      let found = try reader.digests(of: segment)
      #expect(found?.digest == (expected.isZero ? nil : expected.digest), "seed \(random.seed)")
      #expect(found == nil || found?.zeroPages == expected.zeroPages, "seed \(random.seed)")
    }
    for range in image.readRanges {
      for page in range.lowerBound / 4096..<(range.upperBound + 4095) / 4096 where page < 700 {
        #expect(pages.pages[Int(page)] != .hole)
      }
    }
  }

  @Test func zerosAreNilWhetherTheyAreHolesOrNot() throws {
    let pages = Pages(
      Array(repeating: .hole, count: 256) + Array(repeating: .zero, count: 256) + [.hole, .zero],
      tail: [0])
    let image = MemoryImage(pages)
    let reader = SegmentReader(image: image, shape: pages.shape)
    for segment in 0..<3 {
      let digests = try reader.digests(of: segment)
      #expect(digests?.digest == nil)
    }
    let (hole, zeros) = (try reader.read(0), try reader.read(1))
    #expect(!hole && zeros)
    #expect(reader.bytes(of: 2).count == 2 * 4096 + 1)
  }

  @Test func aDenseImageIsAskedForItsHolesOnce() throws {
    let image = MemoryImage(Pages.content(512))
    let reader = SegmentReader(image: image, shape: ImageShape(byteCount: image.byteCount))
    for segment in 0..<2 { _ = try reader.digests(of: segment) }
    #expect(image.askedOffsets == [0])
  }

  @Test func errorsComeOut() throws {
    let image = MemoryImage(Pages.content(256), unreadable: 8192..<8193)
    let reader = SegmentReader(image: image, shape: ImageShape(byteCount: image.byteCount))
    #expect(throws: StorageError.self) { try reader.digests(of: 0) }
  }
}
