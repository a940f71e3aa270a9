// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

@testable import Transfer

/// Answers to questions that were not asked, and last words that come too early.
extension LyingTargetTests {
  static let answers = [
    Case(testDescription: "an answer too many", sentence: "which was not asked about") { peer in
      peer.say(.differ(GroupMask(segment: 0, groups: GroupSet(firstGroups: 1))))
    },
    Case(testDescription: "an answer twice", sentence: "which was not asked about") { peer in
      peer.say(other.segmentRuns())
      _ = try peer.hear(.groups)
      peer.say(.differ(GroupMask(segment: 0, groups: GroupSet(firstGroups: 1))))
      peer.say(.differ(GroupMask(segment: 0, groups: GroupSet(firstGroups: 1))))
    },
    Case(testDescription: "groups past the end differ", sentence: "past the end") { peer in
      peer.say(other.segmentRuns())
      for _ in 0..<3 { _ = try peer.hear(.groups) }
      peer.say(.differ(GroupMask(segment: 2, groups: GroupSet(firstGroups: 2))))
    },
    Case(
      testDescription: "names are closed before any was given",
      sentence: "names are closed that were not given"
    ) { $0.say(.closed(1)) },
    Case(
      testDescription: "more names are closed than were given", startsZero: true,
      sentence: "names are closed that were not given"
    ) { peer in
      for _ in 0..<3 { _ = try peer.hear(.pages) }
      peer.say(.closed(UInt64(3 * PageNames.largestOpenCost + 1)))
    },
    Case(
      testDescription: "fewer names are closed than before", startsZero: true,
      sentence: "names are closed that were not given"
    ) { peer in
      _ = try peer.hear(.pages)
      peer.say(.closed(2))
      peer.say(.closed(1))
    },
    Case(
      testDescription: "names are closed that were only announced to come",
      sentence: "names are closed that were not given"
    ) { peer in
      peer.say(other.segmentRuns())
      for _ in 0..<3 { _ = try peer.hear(.groups) }
      peer.say(.closed(256))
      for segment in 0..<3 {
        peer.say(.differ(GroupMask(segment: segment, groups: GroupSet())))
      }
    },
  ]

  static let ends = [
    Case(testDescription: "settled before the end", sentence: "'settled' before 'scanned'") {
      $0.say(.settled(Settled(imageDigest: image.imageDigest, unsettledPageCount: 0)))
    },
    Case(testDescription: "done before 'agreed'", sentence: "'done' before 'agreed'") { peer in
      peer.say(.done(Completion(isVerified: true, counters: ProgressCounters())))
      peer.hangUp()
    },
    Case(testDescription: "a verdict on a copy", sentence: "'verdict' is not for a copy") { peer in
      peer.say(.verdict(Verdict(imageDigest: image.imageDigest, isEqual: true)))
      peer.hangUp()
    },
    Case(
      testDescription: "a verdict before the end", operation: .verify,
      sentence: "'verdict' before 'scanned'"
    ) { peer in
      peer.say(.verdict(Verdict(imageDigest: image.imageDigest, isEqual: true)))
      peer.hangUp()
    },
    Case(
      testDescription: "the end instead of 'done'", sentence: "connection was lost"
    ) { peer in
      try agree(peer)
      peer.hangUp()
    },
    Case(
      testDescription: "'done' never comes", timeoutSeconds: 1,
      sentence: "nothing has come for 1 second"
    ) { try agree($0) },
    Case(
      testDescription: "a digest that never becomes the source's", status: .failed,
      sentence: "its digest differs from the source's after 5 passes"
    ) { peer in
      for pass in 1...5 {
        peer.say(image.segmentRuns(width: peer.width))
        _ = try peer.hear(.scanned)
        peer.say(.settled(Settled(imageDigest: other.imageDigest, unsettledPageCount: 0)))
        if pass < 5 { _ = try peer.hear(.pass) }
      }
    },
    Case(
      testDescription: "pages that never settle", status: .failed,
      sentence: "changed during each of 5 passes"
    ) { peer in
      for pass in 1...5 {
        peer.say(image.segmentRuns(width: peer.width))
        _ = try peer.hear(.scanned)
        peer.say(.settled(Settled(imageDigest: image.imageDigest, unsettledPageCount: 1)))
        if pass < 5 { _ = try peer.hear(.pass) }
      }
    },
  ]

  /// Everything is equal, and the source agrees.
  private static func agree(_ peer: Peer) throws {
    peer.say(image.segmentRuns(width: peer.width))
    _ = try peer.hear(.scanned)
    peer.say(.settled(Settled(imageDigest: image.imageDigest, unsettledPageCount: 0)))
    _ = try peer.hear(.agreed)
  }
}
