// SPDX-License-Identifier: Apache-2.0

import Wire

/// Takes the time of probes as they come in, round by round.
struct ProbeClock {
  private var byteCount = 0
  private var round: (start: Double, byteCount: Int)?

  /// What is to be answered: something at the end of a round only.
  mutating func take(
    _ probe: Probe, at now: Double = Clock.now
  ) throws(TransferError) -> ProbeCount? {
    byteCount += probe.filler.count
    if byteCount > WireLimits.probeByteCount { throw .breach("more probes than may be") }
    if let (start, before) = round {
      round = (start, before + probe.filler.count)
    } else {
      // This one has waited for all that was on the line before it.
      round = (now, 0)
    }
    guard probe.endsRound, let (start, count) = round else { return nil }
    round = nil
    return ProbeCount(
      byteCount: UInt64(count), microseconds: UInt64(max(now - start, 0) * 1_000_000))
  }
}
