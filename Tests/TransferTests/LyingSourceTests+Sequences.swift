// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

@testable import Transfer

/// Announcements that do not ascend, come twice, or leave something out.
extension LyingSourceTests {
  static let sequences = [
    Case(testDescription: "a position backwards", sentence: "announced out of order") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(.position(2))
      peer.say(.position(1))
    },
    Case(testDescription: "a position past the end", sentence: "message position") { peer in
      begin(peer)
      peer.say(.position(4))
    },
    Case(testDescription: "groups backwards", sentence: "announced out of order") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(new.groups(of: 1))
      peer.say(new.groups(of: 0))
    },
    Case(testDescription: "groups twice", sentence: "announced out of order") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(new.groups(of: 1))
      peer.say(new.groups(of: 1))
    },
    Case(testDescription: "zeros backwards", sentence: "announced out of order") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(.zero(SegmentRange(first: 1, count: 1)))
      peer.say(.zero(SegmentRange(first: 0, count: 2)))
    },
    Case(testDescription: "zeros past the end", sentence: "message zero") { peer in
      begin(peer)
      peer.say(.zero(SegmentRange(first: 1, count: 3)))
    },
    Case(testDescription: "names backwards", sentence: "announced out of order") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(new.names(of: 1))
      peer.say(new.names(of: 0))
    },
    Case(testDescription: "names twice", sentence: "that were not asked for") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(new.names(of: 1))
      peer.say(new.names(of: 1))
    },
    Case(testDescription: "names of other groups", sentence: "that were not asked for") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(new.groups(of: 0))
      _ = try peer.hear(.differ)
      peer.say(new.names(of: 0, in: GroupSet(firstGroups: 1)))
    },
    Case(testDescription: "names of a closed segment", sentence: "announced out of order") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(old.groups(of: 0))
      _ = try peer.hear(.differ)
      peer.say(new.names(of: 0))
    },
    Case(testDescription: "the end before all is announced", sentence: "its whole image") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(.position(2))
      peer.say(new.scanned)
    },
    Case(testDescription: "the end twice", sentence: "'scanned' twice") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(new.groups(of: 0))
      peer.say(.position(3))
      peer.say(new.scanned)
      peer.say(old.scanned)
    },
  ]

  /// Larger than what a source may have in question; no file of it is made.
  private static let sparse = Pages(Array(repeating: .hole, count: 1100 * 256))

  /// Each of them costs the target memory until its pages are named.
  static let manyQuestions = Case(
    testDescription: "more segments in question than allowed", target: Pages([.hole]),
    byteCount: sparse.shape.byteCount, sentence: "more segments are in question than may be"
  ) { peer in
    begin(peer)
    peer.shape = sparse.shape
    var end = 0
    while end < sparse.shape.segmentCount {
      guard case .segments(let runs) = try peer.hear(.segments) else { return }
      end = runs.range.upperBound
    }
    let digests = NodeDigests([old.digests(of: 0).digest], width: .short)
    for segment in 0..<end {
      peer.say(
        .groups(
          GroupDigests(
            segment: segment, nonzeroGroups: GroupSet(firstGroups: 1), digests: digests)))
    }
  }
}
