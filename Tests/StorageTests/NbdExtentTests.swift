// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Storage

@Suite struct NbdExtentTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var entries: [UInt32]
    var range: Range<UInt64> = 1000..<2000
    var expected: [NbdExtent]
  }

  private static func extent(_ start: UInt64, _ end: UInt64, _ flags: UInt32) -> NbdExtent {
    NbdExtent(range: start..<end, flags: flags)
  }

  static let cases = [
    Case(testDescription: "nothing", entries: [], expected: []),
    Case(testDescription: "half a pair", entries: [7], expected: []),
    Case(
      testDescription: "all of it", entries: [1000, 3], expected: [extent(1000, 2000, 3)]),
    Case(
      testDescription: "less", entries: [400, 3, 500, 0],
      expected: [extent(1000, 1400, 3), extent(1400, 1900, 0)]),
    Case(
      testDescription: "more", entries: [400, 3, .max, 0, 5, 3],
      expected: [extent(1000, 1400, 3), extent(1400, 2000, 0)]),
    Case(
      testDescription: "neighbours alike", entries: [400, 3, 100, 3, 100, 1, 50, 3],
      expected: [extent(1000, 1500, 3), extent(1500, 1600, 1), extent(1600, 1650, 3)]),
    Case(
      testDescription: "of no length", entries: [0, 1, 0, 3, 10, 0],
      expected: [extent(1000, 1010, 0)]),
    Case(
      testDescription: "at the end of all", entries: [.max, 1],
      range: UInt64.max - 1..<UInt64.max, expected: [extent(.max - 1, .max, 1)]),
  ]

  @Test(arguments: cases)
  func isRead(_ example: Case) {
    #expect(NbdExtent.decode(example.entries, of: example.range) == example.expected)
  }

  @Test(arguments: [0, 1])
  func aLimitIsKept(past: Int) {
    let count = NbdExtent.maximumCount + past
    let entries = (0..<count).flatMap { [UInt32(1), UInt32($0 % 2)] }
    let extents = NbdExtent.decode(entries, of: 0..<UInt64(count))
    #expect(extents.count == NbdExtent.maximumCount)
    #expect(extents.last?.range.upperBound == UInt64(NbdExtent.maximumCount))
  }

  @Test func whateverComesIsInOrder() {
    var random = Random.fresh(for: "NbdExtentTests")
    for _ in 0..<2000 {
      let entries = (0..<Int.random(in: 0...9, using: &random)).map { _ -> UInt32 in
        let most: UInt32 = Bool.random(using: &random) ? .max : 9
        return UInt32.random(in: 0...most, using: &random)
      }
      let start = UInt64.random(in: 0...UInt64.max - 5000, using: &random)
      let range = start..<start + UInt64.random(in: 1...5000, using: &random)
      var offset = start
      for extent in NbdExtent.decode(entries, of: range) {
        #expect(extent.range.lowerBound == offset, "seed \(random.seed)")
        #expect(!extent.range.isEmpty, "seed \(random.seed)")
        offset = extent.range.upperBound
      }
      #expect(offset <= range.upperBound, "seed \(random.seed)")
    }
  }
}
