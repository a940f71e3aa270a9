// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct ImageShapeTests {
  struct Case: Sendable {
    var byteCount: UInt64
    var pageCount: Int
    var segmentCount: Int
    /// The length of the last page, and of the last segment.
    var lastPage: Int
    var lastSegment: Int
    /// How many pages and groups the last segment has.
    var pagesInLast: Int
    var groupsInLast: Int
  }

  static let cases = [
    Case(
      byteCount: 1, pageCount: 1, segmentCount: 1, lastPage: 1, lastSegment: 1, pagesInLast: 1,
      groupsInLast: 1),
    Case(
      byteCount: 4096, pageCount: 1, segmentCount: 1, lastPage: 4096, lastSegment: 4096,
      pagesInLast: 1, groupsInLast: 1),
    Case(
      byteCount: 4097, pageCount: 2, segmentCount: 1, lastPage: 1, lastSegment: 4097,
      pagesInLast: 2, groupsInLast: 1),
    Case(
      byteCount: 65_537, pageCount: 17, segmentCount: 1, lastPage: 1, lastSegment: 65_537,
      pagesInLast: 17, groupsInLast: 2),
    Case(
      byteCount: 1 << 20 - 1, pageCount: 256, segmentCount: 1, lastPage: 4095,
      lastSegment: 1 << 20 - 1, pagesInLast: 256, groupsInLast: 16),
    Case(
      byteCount: 1 << 20, pageCount: 256, segmentCount: 1, lastPage: 4096,
      lastSegment: 1 << 20, pagesInLast: 256, groupsInLast: 16),
    Case(
      byteCount: 1 << 20 + 1, pageCount: 257, segmentCount: 2, lastPage: 1, lastSegment: 1,
      pagesInLast: 1, groupsInLast: 1),
    Case(
      byteCount: 4 << 30 + 512, pageCount: 1 << 20 + 1, segmentCount: 4097, lastPage: 512,
      lastSegment: 512, pagesInLast: 1, groupsInLast: 1),
    Case(
      byteCount: 1 << 60 - 1, pageCount: 1 << 48, segmentCount: 1 << 40, lastPage: 4095,
      lastSegment: 1 << 20 - 1, pagesInLast: 256, groupsInLast: 16),
    Case(
      byteCount: 1 << 60, pageCount: 1 << 48, segmentCount: 1 << 40, lastPage: 4096,
      lastSegment: 1 << 20, pagesInLast: 256, groupsInLast: 16),
  ]

  @Test(arguments: cases) func followsFromTheSize(each: Case) {
    let shape = ImageShape(byteCount: each.byteCount)
    #expect(shape.byteCount == each.byteCount)
    #expect(shape.pageCount == each.pageCount)
    #expect(shape.segmentCount == each.segmentCount)
    #expect(shape.pageLength(shape.pageCount - 1) == each.lastPage)
    let last = shape.segmentCount - 1
    #expect(shape.segmentLength(last) == each.lastSegment)
    #expect(shape.pageCount(inSegment: last) == each.pagesInLast)
    #expect(shape.groupCount(inSegment: last) == each.groupsInLast)
    #expect(shape.segmentRange(last).upperBound == each.byteCount)
    #expect(shape.segmentRange(last).count == each.lastSegment)
    #expect(shape.pageRange(shape.pageCount - 1).upperBound == each.byteCount)
    if last > 0 {
      #expect(shape.segmentRange(0) == 0..<1 << 20)
      #expect(shape.segmentLength(0) == 1 << 20)
      #expect(shape.pageCount(inSegment: 0) == 256)
      #expect(shape.groupCount(inSegment: 0) == 16)
      #expect(shape.pageRange(1) == 4096..<8192)
    }
  }

  @Test func nothingHasNoPieces() {
    let shape = ImageShape(byteCount: 0)
    #expect(shape.pageCount == 0)
    #expect(shape.segmentCount == 0)
  }

  @Test func refusesWhatIsNotThere() async {
    await #expect(processExitsWith: .failure) { _ = ImageShape(byteCount: 1 << 60 + 1) }
    await #expect(processExitsWith: .failure) { _ = ImageShape(byteCount: 4096).pageLength(1) }
    await #expect(processExitsWith: .failure) { _ = ImageShape(byteCount: 0).segmentLength(0) }
    await #expect(processExitsWith: .failure) { _ = ImageShape(byteCount: 1).segmentRange(-1) }
  }
}
