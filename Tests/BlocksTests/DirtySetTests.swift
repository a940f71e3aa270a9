// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Blocks

struct DirtySetTests {
  private static let mebibyte: UInt64 = 1 << 20

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var range: Range<UInt64>
    var groups: [Int: UInt16]
  }

  static let cases = [
    Case(testDescription: "one byte", range: 5..<6, groups: [0: 1]),
    Case(testDescription: "up to a border", range: 65535..<65536, groups: [0: 1]),
    Case(testDescription: "over a border", range: 65535..<65537, groups: [0: 3]),
    Case(
      testDescription: "over segments", range: mebibyte - 1..<2 * mebibyte + 1,
      groups: [0: 0x8000, 1: 0xffff, 2: 1]),
    Case(
      testDescription: "past the end", range: 2 * mebibyte..<9 * mebibyte, groups: [2: 3]),
    Case(testDescription: "nothing", range: 7..<7, groups: [:]),
    Case(testDescription: "outside", range: 8 * mebibyte..<9 * mebibyte, groups: [:]),
  ]

  @Test(arguments: cases)
  func rangesBecomeGroups(_ item: Case) {
    var dirty = DirtySet(shape: ImageShape(byteCount: 2 * Self.mebibyte + 65537))
    dirty.insert(item.range)
    for segment in 0..<3 {
      #expect(dirty[segment].rawValue == item.groups[segment] ?? 0, "segment \(segment)")
    }
    #expect(dirty.isEmpty == item.groups.isEmpty)
    #expect(dirty.nextSegment(from: 0) == item.groups.keys.min())
  }

  @Test func allIsWhatExists() {
    var dirty = DirtySet(shape: ImageShape(byteCount: Self.mebibyte + 1))
    dirty.insertAll()
    #expect(dirty[0].count == 16)
    #expect(dirty[1].count == 1)
    #expect(dirty.groupCount == 17)
  }

  @Test func unionsKeepBoth() {
    let shape = ImageShape(byteCount: 4 * Self.mebibyte)
    var (one, other) = (DirtySet(shape: shape), DirtySet(shape: shape))
    one.insert(0..<1)
    other.insert(3 * Self.mebibyte..<3 * Self.mebibyte + 4096)
    one.formUnion(other)
    #expect(one.groupCount == 2)
    #expect(one.nextSegment(from: 1) == 3)
    #expect(one.reportedByteCount == 4097)
  }

  @Test func partsShareWhatWasReported() {
    let shape = ImageShape(byteCount: 4 * Self.mebibyte)
    var (one, other) = (DirtySet(shape: shape), DirtySet(shape: shape))
    one.insert(0..<Self.mebibyte)
    other.insert(0..<Self.mebibyte / 4)
    #expect(one.intersection(other).groupCount == 4)
    #expect(one.subtracting(other).groupCount == 12)
    #expect(one.intersection(other).reportedByteCount == Self.mebibyte / 4)
    #expect(one.subtracting(one).isEmpty)
    #expect(one.subtracting(one).reportedByteCount == 0)
  }
}
