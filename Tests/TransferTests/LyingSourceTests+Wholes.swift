// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

@testable import Transfer

/// Lies of a source that sends everything unasked.
extension LyingSourceTests {
  static let wholes = [
    Case(testDescription: "a whole segment twice", isWhole: true, sentence: "segment 0 comes twice")
    { peer in
      begin(peer)
      peer.say(new.data([everything(of: 0)]))
      peer.say(new.data([everything(of: 0)]))
    },
    Case(testDescription: "whole segments backwards", isWhole: true, sentence: "segment 0 comes") {
      peer in
      begin(peer)
      peer.say(new.data([everything(of: 1)]))
      peer.say(new.data([everything(of: 0)]))
    },
    Case(
      testDescription: "a segment missing", isWhole: true, sentence: "its whole image"
    ) { peer in
      begin(peer)
      peer.say(new.data([everything(of: 0)]))
      peer.say(new.data([everything(of: 2)]))
      peer.say(.position(3))
      peer.say(new.scanned)
    },
    Case(
      testDescription: "zeros and content of one segment", isWhole: true,
      sentence: "content for segments that it called zero"
    ) { peer in
      begin(peer)
      peer.say(.zero(SegmentRange(first: 0, count: 1)))
      for segment in 0..<3 { peer.say(new.data([everything(of: segment)])) }
      peer.say(.position(3))
      peer.say(new.scanned)
      _ = try peer.hear(.settled)
      peer.say(.agreed)
    },
    Case(
      testDescription: "content and zeros of one segment", isWhole: true,
      sentence: "content for segments that it called zero"
    ) { peer in
      begin(peer)
      for segment in 0..<3 { peer.say(new.data([everything(of: segment)])) }
      peer.say(.zero(SegmentRange(first: 0, count: 3)))
      peer.say(.position(3))
      peer.say(Pages(Array(repeating: .zero, count: 513), tail: [0, 0, 0]).scanned)
      _ = try peer.hear(.settled)
      peer.say(.agreed)
    },
    Case(testDescription: "names for everything", isWhole: true, sentence: "which comes unasked") {
      peer in
      begin(peer)
      peer.say(new.names(of: 0))
    },
    Case(testDescription: "groups for everything", isWhole: true, sentence: "which comes unasked") {
      peer in
      begin(peer)
      peer.say(new.groups(of: 0))
    },
  ]

  static func everything(of segment: Int) -> WantedPages {
    let count = new.shape.pageCount(inSegment: segment)
    return WantedPages(segment: segment, pages: PageSet(firstPages: count))
  }
}
