// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite struct NeighboursTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var pages: [Int]
    /// By position; nil is unknown.
    var hits: [Int?]
    var bits = 4
    var expected: [Int?]
  }

  @Test(arguments: [
    Case(
      testDescription: "not sampled", pages: [1, 2, 3], hits: [nil, 12, nil], bits: 0,
      expected: [nil, 12, nil]),
    Case(
      testDescription: "both ways", pages: [1, 2, 3, 4], hits: [nil, 12, nil, nil],
      expected: [11, 12, 13, 14]),
    Case(
      testDescription: "between two hits the one before counts", pages: [1, 2, 3],
      hits: [10, nil, 70], expected: [10, 11, 70]),
    Case(
      testDescription: "before the beginning", pages: [5, 6, 7], hits: [nil, nil, 1],
      expected: [nil, 0, 1]),
    Case(
      testDescription: "over a gap", pages: [1, 20, 33, 34], hits: [100, nil, nil, nil],
      expected: [100, 119, 132, nil]),
    Case(testDescription: "no hit", pages: [1, 2], hits: [nil, nil], expected: [nil, nil]),
    Case(testDescription: "nothing", pages: [], hits: [], expected: []),
    Case(
      testDescription: "far at most", pages: [0, 8192, 8193], hits: [0, nil, nil], bits: 60,
      expected: [0, 8192, nil]),
  ])
  func hitsAreExtended(test: Case) {
    let hits = test.hits.map { $0.map { PageLocation(image: 3, page: $0) } }
    let found = Neighbours.extend(hits, of: test.pages, sampleBitCount: test.bits)
    #expect(found.map { $0?.page } == test.expected)
    #expect(found.allSatisfy { $0 == nil || $0?.image == 3 })
  }
}
