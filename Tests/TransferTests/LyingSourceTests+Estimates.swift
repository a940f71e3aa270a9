// SPDX-License-Identifier: Apache-2.0

import Wire

@testable import Transfer

/// Measures where nobody measures, too much of them where somebody does, and a note to a server.
extension LyingSourceTests {
  static let estimates = [
    Case(testDescription: "a probe before a copy", sentence: "'probe' between two passes") {
      $0.say(.probe(Probe(endsRound: true, filler: [1])))
    },
    Case(
      testDescription: "a probe of a plain dry run", operation: .estimate,
      sentence: "'probe' between two passes"
    ) { $0.say(.probe(Probe(endsRound: true, filler: [1]))) },
    Case(
      testDescription: "a probe in the middle of a pass", operation: .measure,
      sentence: "'probe' is not for a target within a pass"
    ) { peer in
      begin(peer)
      peer.say(.probe(Probe(endsRound: true, filler: [1])))
    },
    Case(
      testDescription: "probes without an end", operation: .measure,
      sentence: "more probes than may be"
    ) { peer in
      let filler = [UInt8](repeating: 1, count: WireLimits.probeFillerByteCount)
      let probe = Message.probe(Probe(endsRound: false, filler: filler)).encoded()
      for _ in 0...WireLimits.probeByteCount / filler.count { peer.say(probe) }
    },
    Case(testDescription: "a note to a server", sentence: "'note' is not for a server") {
      $0.say(.note("hear me"))
    },
    Case(testDescription: "an appraisal of a copy", sentence: "'appraisal' between two passes") {
      $0.say(.appraisal(Appraisal()))
    },
    Case(
      testDescription: "data for an estimate that measures", operation: .measure,
      sentence: "not asked for"
    ) { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(new.data([WantedPages(0, [0])]))
    },
  ]
}
