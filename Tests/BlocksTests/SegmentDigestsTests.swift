// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct SegmentDigestsTests {
  static let sizes = [
    1, 511, 512, 4095, 4096, 4097, 8192, 61_440, 65_535, 65_536, 65_537, 69_632, 69_633,
    131_072, 983_040, 1 << 20 - 4096, 1 << 20 - 4095, 1 << 20 - 1, 1 << 20,
  ]

  static let images = sizes.flatMap { size in
    TestImage.Zeros.allCases.map { TestImage(byteCount: size, zeros: $0) }
  }

  @Test(arguments: images) func followTheDefinition(image: TestImage) {
    let bytes = image.bytes
    let found = bytes.withUnsafeBytes { SegmentDigests.hashing($0) }
    let pages = Reference.pages(bytes)
    #expect(found.pages == pages)
    #expect(found.groups == Reference.parents(pages, level: 1))
    #expect(found.digest == Reference.node(found.groups, level: 2))
    #expect(found.digest == SegmentDigests.segment(found.groups))
    let zeroPages = (0..<pages.count).filter(image.isZero)
    #expect(Array(found.zeroPages) == zeroPages)
    #expect(found.isZero == (zeroPages.count == pages.count))
    let zeroGroups = (0..<found.groups.count).filter { group in
      (16 * group..<min(16 * group + 16, pages.count)).allSatisfy(image.isZero)
    }
    #expect(Array(found.zeroGroups) == zeroGroups)

    let assembled = SegmentDigests.assembling(pages: pages, zeroPages: found.zeroPages)
    #expect(assembled.pages == pages)
    #expect(assembled.groups == found.groups)
    #expect(assembled.digest == found.digest)
    #expect(assembled.zeroPages == found.zeroPages)
  }

  /// A page, a group or a segment is not zero because of one byte, wherever it is.
  @Test func oneByteCounts() {
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let zero = bytes.withUnsafeBytes { SegmentDigests.hashing($0) }
    for position in [0, 255, 4095, 4096, 65_535, 65_536, 1 << 20 - 4097, 1 << 20 - 1] {
      bytes[position] = 1
      let found = bytes.withUnsafeBytes { SegmentDigests.hashing($0) }
      #expect(found.digest != zero.digest)
      #expect(found.zeroPages.count == 255)
      #expect(!found.zeroPages[position / 4096])
      #expect(!found.zeroGroups[position / 65_536])
      #expect(found.pages[position / 4096] != zero.pages[0])
      bytes[position] = 0
    }
  }

  /// The memory may begin anywhere, and what lies around it does not matter.
  @Test(arguments: [1, 8, 63]) func alignmentDoesNotMatter(offset: Int) {
    let image = TestImage(byteCount: 200_000, zeros: .random).bytes
    let padded = [UInt8](repeating: 0xff, count: offset) + image + [0xff]
    let found = padded.withUnsafeBytes {
      SegmentDigests.hashing(.init(rebasing: $0[offset..<offset + image.count]))
    }
    let expected = image.withUnsafeBytes { SegmentDigests.hashing($0) }
    #expect(found.pages == expected.pages)
    #expect(found.digest == expected.digest)
  }

  /// A peer may claim what it likes of zero pages: digests follow from pages alone.
  @Test func claimsOfZerosDoNotChangeDigests() {
    let pages = Reference.pages(TestImage(byteCount: 100_000).bytes)
    let honest = SegmentDigests.assembling(pages: pages, zeroPages: PageSet())
    let wrong = SegmentDigests.assembling(pages: pages, zeroPages: PageSet(firstPages: 25))
    #expect(honest.digest == wrong.digest)
    #expect(honest.groups == wrong.groups)
  }

  @Test(arguments: 1...16) func groupsOfAnySize(count: Int) {
    let pages = Reference.pages(TestImage(byteCount: 20 * 4096).bytes)
    #expect(
      SegmentDigests.group(pages[3..<3 + count])
        == Reference.node(Array(pages[3..<3 + count]), level: 1))
    let array = Array(pages[..<count])
    let group = SegmentDigests.group(array.span)
    #expect(group == Reference.node(array, level: 1))
  }

  @Test func refusesWhatIsNoSegment() async {
    await #expect(processExitsWith: .failure) {
      _ = SegmentDigests.hashing(UnsafeRawBufferPointer(start: nil, count: 0))
    }
    await #expect(processExitsWith: .failure) {
      let bytes = [UInt8](repeating: 0, count: 1 << 20 + 1)
      _ = bytes.withUnsafeBytes { SegmentDigests.hashing($0) }
    }
    await #expect(processExitsWith: .failure) {
      _ = SegmentDigests.assembling(pages: [], zeroPages: PageSet())
    }
  }
}
