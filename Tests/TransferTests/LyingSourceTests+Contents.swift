// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

@testable import Transfer

/// Content that was not asked for, or is not what was announced.
extension LyingSourceTests {
  static let contents = [
    Case(testDescription: "data of an unknown segment", sentence: "were not asked for") { peer in
      begin(peer)
      peer.say(new.data([WantedPages(0, [0])]))
    },
    Case(testDescription: "data that was not asked for", target: nil, sentence: "not asked for") {
      peer in
      begin(peer)
      peer.say(new.names(of: 0, in: GroupSet(firstGroups: 1)))
      _ = try peer.hear(.want)
      peer.say(new.data([WantedPages(0, [0, 200])]))
    },
    Case(testDescription: "data twice", target: nil, sentence: "not asked for") { peer in
      begin(peer)
      peer.say(new.names(of: 0))
      _ = try peer.hear(.want)
      peer.say(new.data([WantedPages(0, [0]), WantedPages(0, [0])]))
    },
    Case(testDescription: "the short page twice", target: nil, sentence: "not asked for") { peer in
      begin(peer)
      peer.say(new.names(of: 2))
      _ = try peer.hear(.want)
      peer.say(new.data([WantedPages(2, [1]), WantedPages(2, [1])]))
    },
    Case(testDescription: "data past the end", target: nil, sentence: "message data") { peer in
      begin(peer)
      let larger = Pages.content(4 * 256)
      peer.say(larger.data([WantedPages(3, [0])]))
    },
    Case(testDescription: "data for a dry run", operation: .estimate, sentence: "not asked for") {
      peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(new.names(of: 0))
      peer.say(new.data([WantedPages(0, [0])]))
    },
    Case(
      testDescription: "content that does not bear its name", target: nil,
      sentence: "'agreed' to an image that is not the source's"
    ) { peer in
      begin(peer)
      for segment in 0..<3 { peer.say(new.names(of: segment)) }
      peer.say(.position(3))
      peer.say(new.scanned)
      for _ in 0..<3 {
        guard case .want(let wanted) = try peer.hear(.want) else { return }
        peer.say(old.data([wanted]))
      }
      guard case .settled(let settled) = try peer.hear(.settled) else { return }
      if settled.unsettledPageCount < 513 { throw Peer.Silence(description: "it took something") }
      peer.say(.agreed)
    },
    Case(
      testDescription: "groups that turn out otherwise",
      sentence: "'agreed' to an image that is not the source's"
    ) { peer in
      // The names are those of what the target has: nothing is asked for.
      begin(peer)
      try hearDigests(peer)
      peer.say(new.groups(of: 0))
      _ = try peer.hear(.differ)
      peer.say(old.names(of: 0))
      peer.say(.position(3))
      peer.say(old.scanned)
      guard case .settled(let settled) = try peer.hear(.settled) else { return }
      if settled.unsettledPageCount == 0 { throw Peer.Silence(description: "it is settled") }
      peer.say(.agreed)
    },
  ]
}
