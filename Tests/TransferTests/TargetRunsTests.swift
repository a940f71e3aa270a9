// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@testable import Transfer

@Suite struct TargetRunsTests {
  private static func digest(_ number: Int) -> Digest { Digest(UInt64(number), 1, 2, 3) }

  /// Zero segments are nil.
  private static func message(_ first: Int, _ segments: [Int?]) -> SegmentRuns {
    var runs = SegmentRuns(first: first, width: .short)
    for segment in segments {
      if let segment {
        runs.append(digest(segment))
      } else {
        runs.append(zeroSegments: 1)
      }
    }
    return runs
  }

  @Test func whatArrivesIsTakenInOrder() {
    var random = Random.printed()
    let segments = (0..<5000).map { random.chance(0.4) ? nil : Optional($0) }
    var runs = TargetRuns()
    var arrived = 0
    var taken = 0
    while taken < segments.count {
      if arrived < segments.count, random.chance(0.5) {
        let count = min(1 + random.below(32), segments.count - arrived)
        let message = Self.message(arrived, Array(segments[arrived..<arrived + count]))
        let isTaken = runs.append(message)
        #expect(isTaken)
        arrived += count
      }
      let limit = 1 + random.below(5)
      switch runs.take(upTo: limit) {
      case nil: #expect(taken == arrived)
      case .zero(let count):
        #expect((1...limit).contains(count))
        #expect(segments[taken..<taken + count].allSatisfy { $0 == nil }, "seed \(random.seed)")
        taken += count
      case .digest(let digests, let index):
        #expect(segments[taken].map { digests.matches(Self.digest($0), at: index) } == true)
        taken += 1
      }
      let waiting = segments[taken..<arrived].count { $0 != nil }
      #expect(runs.waitingDigestCount == waiting)
    }
    #expect(runs.end == segments.count)
    let nothing = runs.take(upTo: 1)
    #expect(nothing == nil)
  }

  @Test func whatDoesNotFollowIsRefused() {
    var runs = TargetRuns()
    let answers = [
      Self.message(1, [1]), Self.message(0, [1, nil]), Self.message(1, [1]),
      Self.message(3, [1]), Self.message(2, [nil]),
    ].map { runs.append($0) }
    #expect(answers == [false, true, false, false, true])
    #expect(runs.end == 3)
  }

  @Test func zerosWeighNothing() {
    var runs = TargetRuns()
    var whole = SegmentRuns(first: 0, width: .short)
    whole.append(zeroSegments: 1 << 39)
    _ = runs.append(whole)
    // A target that splits its zeros costs no more.
    for segment in 0..<10_000 { _ = runs.append(Self.message((1 << 39) + segment, [nil])) }
    #expect(runs.end == (1 << 39) + 10_000)
    #expect(runs.waitingDigestCount == 0)
    #expect(runs.waitingRunCount == 1)
    let first = runs.take(upTo: 5)
    #expect(first == .zero(count: 5))
    _ = runs.append(Self.message((1 << 39) + 10_000, [nil, 7]))
    #expect(runs.waitingRunCount == 2)
    let rest = runs.take(upTo: .max)
    #expect(rest == .zero(count: (1 << 39) + 10_001 - 5))
    guard case .digest = runs.take(upTo: .max) else {
      Issue.record("the digest is lost")
      return
    }
    let nothing = runs.take(upTo: .max)
    #expect(nothing == nil && runs.waitingRunCount == 0)
  }
}
