// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct ZeroDigestsTests {
  static let lengths = [
    1, 2, 511, 4095, 4096, 4097, 8191, 65_535, 65_536, 65_537, 500_000, 1 << 20 - 1, 1 << 20,
  ]

  @Test(arguments: lengths) func areThoseOfZeros(length: Int) {
    let bytes = [UInt8](repeating: 0, count: length)
    let pages = Reference.pages(bytes)
    let groups = Reference.parents(pages, level: 1)
    if length <= 4096 { #expect(ZeroDigests.page(length: length) == pages[0]) }
    if length <= 65_536 { #expect(ZeroDigests.group(length: length) == groups[0]) }
    #expect(ZeroDigests.segment(length: length) == Reference.node(groups, level: 2))
    let digests = ZeroDigests.segmentDigests(length: length)
    #expect(digests.pages == pages)
    #expect(digests.groups == groups)
    #expect(digests.digest == ZeroDigests.segment(length: length))
    #expect(digests.isZero)
    #expect(digests.zeroGroups == GroupSet(firstGroups: groups.count))
  }

  @Test func wholeNodesOfEveryLevel() {
    var expected = Reference.pages([UInt8](repeating: 0, count: 4096))[0]
    #expect(ZeroDigests.node(level: 0) == expected)
    for level in 1...12 {
      expected = Reference.node(Array(repeating: expected, count: 16), level: level)
      #expect(ZeroDigests.node(level: level) == expected)
    }
    #expect(ZeroDigests.page() == ZeroDigests.node(level: 0))
    #expect(ZeroDigests.group() == ZeroDigests.node(level: 1))
    #expect(ZeroDigests.segment() == ZeroDigests.node(level: 2))
  }

  @Test func refusesLengthsThatAreNotThere() async {
    await #expect(processExitsWith: .failure) { _ = ZeroDigests.page(length: 0) }
    await #expect(processExitsWith: .failure) { _ = ZeroDigests.page(length: 4097) }
    await #expect(processExitsWith: .failure) { _ = ZeroDigests.segment(length: 0) }
    await #expect(processExitsWith: .failure) { _ = ZeroDigests.segment(length: 1 << 20 + 1) }
  }
}
