// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Live

@Suite struct MappingComparisonTests {
  /// All ranges that differ, of two mappings that are told some extents at a time.
  private func differences(
    _ one: [MappedExtent], _ other: [MappedExtent], byteCount: UInt64 = 100, atOnce: Int = 2
  ) -> [Range<UInt64>] {
    func mapping(_ extents: [MappedExtent]) -> (UInt64) -> [MappedExtent] {
      { offset in Array(extents.filter { $0.range.upperBound > offset }.prefix(atOnce)) }
    }
    var result: [Range<UInt64>] = []
    MappingComparison.differences(mapping(one), mapping(other), byteCount: byteCount) {
      result.append($0)
    }
    return result
  }

  struct Case: Sendable {
    var one: [MappedExtent]
    var other: [MappedExtent]
    var differences: [Range<UInt64>]
  }

  @Test(arguments: [
    Case(one: [], other: [], differences: []),
    Case(one: [.init(range: 0..<100, place: 7)], other: [], differences: [0..<100]),
    Case(
      one: [.init(range: 0..<100, place: 7)], other: [.init(range: 0..<100, place: 7)],
      differences: []),
    // Otherwise cut, at the same places.
    Case(
      one: [.init(range: 0..<100, place: 7)],
      other: [.init(range: 0..<30, place: 7), .init(range: 30..<100, place: 37)], differences: []),
    Case(
      one: [.init(range: 0..<100, place: 7)],
      other: [
        .init(range: 0..<30, place: 7), .init(range: 30..<40, place: 500),
        .init(range: 40..<100, place: 47),
      ], differences: [30..<40]),
    // What was never written is as a hole.
    Case(
      one: [.init(range: 0..<50, place: 7, isUnwritten: true)],
      other: [.init(range: 20..<60, place: 900, isUnwritten: true)], differences: []),
    Case(
      one: [.init(range: 0..<50, place: 7, isUnwritten: true)],
      other: [.init(range: 0..<50, place: 7)], differences: [0..<50]),
    // What has no clear place is different from itself.
    Case(
      one: [.init(range: 0..<50, place: 0, isUnclear: true)],
      other: [.init(range: 0..<50, place: 0, isUnclear: true)], differences: [0..<50]),
    Case(
      one: [.init(range: 90..<UInt64.max, place: 0)], other: [.init(range: 95..<120, place: 5)],
      differences: [90..<95]),
  ])
  func whatIsElsewhereDiffers(test: Case) {
    #expect(differences(test.one, test.other) == test.differences)
    #expect(differences(test.other, test.one, atOnce: 1) == test.differences)
  }

  /// A file system that tells of what it was not asked for is not believed.
  @Test func whatWasNotAskedForIsNotBelieved() {
    var result: [Range<UInt64>] = []
    let lie = [MappedExtent(range: 0..<10, place: 3)]
    MappingComparison.differences(
      { offset in offset == 0 ? lie : lie }, { $0 < 10 ? lie : [] }, byteCount: 50
    ) { result.append($0) }
    #expect(result == [10..<50])
  }

  /// Against the same question asked byte by byte.
  @Test func itAgreesWithEveryByte() {
    var random = Random.fresh(for: "MappingComparisonTests.itAgreesWithEveryByte")
    func mapping() -> [MappedExtent] {
      var result: [MappedExtent] = []
      var offset: UInt64 = 0
      while offset < 120 {
        let end = offset + UInt64.random(in: 1...20, using: &random)
        if Bool.random(using: &random) {
          result.append(
            MappedExtent(
              range: offset..<end, place: offset + UInt64.random(in: 0...1, using: &random) * 1000,
              isUnwritten: Int.random(in: 0..<4, using: &random) == 0,
              isUnclear: Int.random(in: 0..<9, using: &random) == 0))
        }
        offset = end
      }
      return result
    }
    func content(_ extents: [MappedExtent], _ offset: UInt64) -> UInt64? {
      guard let extent = extents.first(where: { $0.range.contains(offset) }) else { return 0 }
      if extent.isUnclear { return nil }
      return extent.isUnwritten ? 0 : 1 + extent.place + offset - extent.range.lowerBound
    }
    for _ in 0..<500 {
      let (one, other) = (mapping(), mapping())
      var expected: Set<UInt64> = []
      for offset in UInt64(0)..<100 {
        let (a, b) = (content(one, offset), content(other, offset))
        if a == nil || b == nil || a != b { expected.insert(offset) }
      }
      let found = differences(one, other, atOnce: Int.random(in: 1...4, using: &random))
      #expect(Set(found.flatMap { Array($0) }) == expected)
      for (range, next) in zip(found, found.dropFirst()) {
        #expect(range.upperBound < next.lowerBound)
      }
    }
  }
}
