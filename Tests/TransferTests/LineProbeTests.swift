// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Transfer

/// Against a line of a known rate, by a clock that only this line moves.
@Suite struct LineProbeTests {
  private final class Line {
    let bytesPerSecond: Double
    let delaySeconds: Double
    var now = 100.0
    var byteCount = 0
    var roundCount = 0
    private var clock = ProbeClock()
    private var answer: ProbeCount?

    init(bytesPerSecond: Double, delaySeconds: Double = 0) {
      self.bytesPerSecond = bytesPerSecond
      self.delaySeconds = delaySeconds
    }

    func take(_ probe: Probe) {
      byteCount += probe.filler.count
      now += Double(probe.filler.count) / bytesPerSecond
      do {
        answer = try clock.take(probe, at: now) ?? answer
      } catch {
        Issue.record("\(error)")
      }
    }

    func measure() throws -> UInt64? {
      try LineProbe(
        send: { self.take($0) },
        receive: { () throws(TransferError) in
          self.roundCount += 1
          self.now += 2 * self.delaySeconds
          defer { self.answer = nil }
          guard let answer = self.answer else { throw .lost }
          return answer
        },
        now: { self.now }
      ).measure()
    }
  }

  @Test(arguments: [10e3, 1e6, 4e6, 40e6, 400e6, 4e9])
  func theRateIsThatOfTheLine(rate: Double) throws {
    let line = Line(bytesPerSecond: rate)
    let found = try #require(try line.measure())
    #expect((0.98...1.02).contains(Double(found) / rate))
  }

  @Test func whatTakesNoTimeIsNotMeasured() throws {
    #expect(try Line(bytesPerSecond: 100e9).measure() == nil)
  }

  @Test(arguments: [10e3, 1e6, 4e6, 40e6, 400e6, 100e9], [0, 0.05, 0.3])
  func itIsBounded(rate: Double, delay: Double) throws {
    let line = Line(bytesPerSecond: rate, delaySeconds: delay)
    _ = try line.measure()
    #expect(line.byteCount <= WireLimits.probeByteCount)
    // The first round is sent in any case.
    #expect(line.roundCount == 1 || line.now - 100 < 1.1, "\(line.now - 100) s")
    if rate > 30e6, delay == 0 { #expect(line.roundCount == 4) }
  }

  /// What is measured must be the line, not how fast noise is made. The best of some attempts: the
  /// machine may be busy.
  @Test func makingProbesCostsNoTime() throws {
    var best = Double.infinity
    for _ in 0..<5 {
      var times: [Double] = []
      var byteCount = 0
      _ = try LineProbe(
        send: { byteCount += $0.filler.count },
        receive: { () throws(TransferError) in ProbeCount(byteCount: 1, microseconds: 1) },
        now: {
          times.append(Clock.now)
          return times[0]
        }
      ).measure()
      #expect(byteCount == 7488 << 10)
      best = min(best, times.last! - times[0])
    }
    #expect(best < 0.1, "\(best) s")
  }

  @Test func noiseIsNoise() throws {
    var probes: [Probe] = []
    _ = try LineProbe(
      send: { probes.append($0) },
      receive: { () throws(TransferError) in ProbeCount(byteCount: 1, microseconds: 9_000_000) },
      now: { Double(probes.count) }
    ).measure()
    let bytes = probes.flatMap(\.filler)
    #expect(bytes.count == 64 << 10)
    var output: [UInt8] = []
    #expect(!Compressor().append(bytes, from: 0, level: 9, to: &output))
  }
}
