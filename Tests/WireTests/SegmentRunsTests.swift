// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@Suite struct SegmentRunsTests {
  @Test func neighboursMakeOneRun() {
    var runs = SegmentRuns(first: 5, width: .short)
    #expect(runs.isEmpty)
    runs.append(zeroSegments: 2)
    runs.append(zeroSegments: 3)
    runs.append(GoldenMessage.digest(1))
    runs.append(GoldenMessage.digest(2))
    runs.append(zeroSegments: 1)
    #expect(runs.runs.map(\.count) == [5, 2, 1])
    #expect(runs.range == 5..<13)
    guard case .digests(let digests) = runs.runs[1] else {
      Issue.record("no digests")
      return
    }
    #expect(digests.matches(GoldenMessage.digest(2), at: 1))
    #expect(!digests.matches(GoldenMessage.digest(2), at: 0))
  }

  @Test(arguments: DigestWidth.allCases)
  func isFullAtItsLimitOfDigests(width: DigestWidth) throws {
    var runs = SegmentRuns(first: 0, width: width)
    while !runs.isFull { runs.append(GoldenMessage.digest(UInt64(runs.segmentCount))) }
    #expect(runs.segmentCount == WireLimits.digestsPerMessage)
    try SegmentRunsTests.comesBack(runs, width)
  }

  @Test(arguments: DigestWidth.allCases)
  func isFullAtItsLimitOfRuns(width: DigestWidth) throws {
    var runs = SegmentRuns(first: 0, width: width)
    while !runs.isFull {
      if runs.runs.count.isMultiple(of: 2) {
        runs.append(zeroSegments: 1 << 30)
      } else {
        runs.append(GoldenMessage.digest(9))
      }
    }
    #expect(runs.runs.count == WireLimits.runsPerMessage)
    try SegmentRunsTests.comesBack(runs, width)
  }

  private static func comesBack(_ runs: SegmentRuns, _ width: DigestWidth) throws {
    let frame = try #require(try MessageTests.frame(Message.segments(runs).encoded()))
    #expect(try Message(frame, width: width) == .segments(runs))
  }

  @Test func lateDigestsAreAddedInPlace() {
    // A copy of all digests for each one more would take minutes.
    var runs = SegmentRuns(first: 0, width: .full)
    for _ in 0..<200 {
      runs = SegmentRuns(first: runs.range.upperBound, width: .full)
      while !runs.isFull { runs.append(GoldenMessage.digest(1)) }
    }
    #expect(runs.range.upperBound == 200 * WireLimits.digestsPerMessage)
  }

  @Test func moreThanFullIsOurMistake() async {
    await #expect(processExitsWith: .failure) {
      var runs = SegmentRuns(first: 0, width: .short)
      for _ in 0...WireLimits.digestsPerMessage { runs.append(GoldenMessage.digest(1)) }
    }
  }

  @Test func segmentsPastTheImageAreRefused() throws {
    let shape = ImageShape(byteCount: 3 << 20)
    for (count, isAllowed) in [(3, true), (4, false)] {
      var zero = SegmentRuns(first: 0, width: .short)
      zero.append(zeroSegments: count)
      var digests = SegmentRuns(first: 0, width: .short)
      for _ in 0..<count { digests.append(GoldenMessage.digest(1)) }
      for runs in [zero, digests] {
        let frame = try #require(try MessageTests.frame(Message.segments(runs).encoded()))
        if isAllowed {
          _ = try Message(frame, shape: shape)
        } else {
          #expect(throws: WireError.self) { try Message(frame, shape: shape) }
        }
      }
    }
  }
}
