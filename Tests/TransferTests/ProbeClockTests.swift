// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Transfer

@Suite struct ProbeClockTests {
  private func probe(_ byteCount: Int, ends: Bool = false) -> Probe {
    Probe(endsRound: ends, filler: [UInt8](repeating: 1, count: byteCount))
  }

  @Test func theFirstOfARoundOnlyStartsTheClock() throws {
    var clock = ProbeClock()
    for round in 0..<2 {
      let start = Double(round) * 10
      #expect(try clock.take(probe(500), at: start) == nil)
      #expect(try clock.take(probe(100), at: start + 1) == nil)
      #expect(
        try clock.take(probe(50, ends: true), at: start + 1.5)
          == ProbeCount(byteCount: 150, microseconds: 1_500_000))
    }
  }

  @Test func aRoundOfOneSaysNothing() throws {
    var clock = ProbeClock()
    #expect(
      try clock.take(probe(500, ends: true), at: 3) == ProbeCount(byteCount: 0, microseconds: 0))
  }

  @Test func theLimitIsHeldExactly() throws {
    var clock = ProbeClock()
    let piece = WireLimits.probeFillerByteCount
    for _ in 0..<WireLimits.probeByteCount / piece { _ = try clock.take(probe(piece), at: 1) }
    #expect(throws: TransferError.breach("more probes than may be")) {
      try clock.take(probe(1), at: 1)
    }
  }
}
