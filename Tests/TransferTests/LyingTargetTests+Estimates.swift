// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

@testable import Transfer

/// Samples and measures that nobody asked for, and too many notes.
extension LyingTargetTests {
  static let estimates = [
    Case(
      testDescription: "a sample of too much", operation: .measure,
      sentence: "a sample of more than 256 pieces"
    ) { peer in
      for _ in 0...WireLimits.sampleCount { peer.say(.want(WantedPages(0, [1]))) }
    },
    Case(
      testDescription: "an answer to no probe", operation: .measure,
      sentence: "'probed' without a probe"
    ) { $0.say(.probed(ProbeCount(byteCount: 1, microseconds: 1))) },
    Case(
      testDescription: "more answers than probes", operation: .measure,
      sentence: "'probed' without a probe"
    ) { peer in
      peer.say(other.segmentRuns())
      for segment in 0..<3 {
        _ = try peer.hear(.groups)
        peer.say(.differ(GroupMask(segment: segment, groups: GroupSet())))
      }
      _ = try peer.hear(.scanned)
      peer.say(.want(WantedPages(0, [1])))
      peer.say(.settled(Settled(imageDigest: other.imageDigest, unsettledPageCount: 0)))
      while case .probe(let probe) = try peer.hear(.probe), !probe.endsRound {}
      // There are four rounds at most, however they interleave with these.
      for _ in 0..<5 { peer.say(.probed(ProbeCount(byteCount: 1, microseconds: 1))) }
    },
    Case(
      testDescription: "an answer to a probe of a copy", sentence: "'probed' without a probe"
    ) { $0.say(.probed(ProbeCount(byteCount: 1, microseconds: 1))) },
    Case(testDescription: "notes without an end", sentence: "more notes than may be") { peer in
      for _ in 0...WireLimits.noteCount { peer.say(.note("hear me")) }
    },
  ]
}
