// SPDX-License-Identifier: Apache-2.0

import Testing
import Transfer

@testable import blkmove

@Suite struct ProgressMeterTests {
  private func figures(
    _ scanned: UInt64, sent: UInt64 = 0, wanted: UInt64 = 0,
    phase: Counters.Phase = .comparing
  ) -> Counters.Snapshot {
    var figures = Counters.Snapshot()
    figures.imageByteCount = 1000
    (figures.scanned, figures.sent, figures.wanted) = (scanned, sent, wanted)
    figures.phase = phase
    return figures
  }

  @Test func nothingIsInvented() {
    var meter = ProgressMeter()
    let first = meter.read(figures(0), at: 100)
    #expect(first.sendingRate == nil && first.scanningRate == nil && first.secondsLeft == nil)
    let early = meter.read(figures(100, sent: 10), at: 100.4)
    #expect(early.sendingRate == nil && early.secondsLeft == nil, "too short to be a rate")
    var still = ProgressMeter()
    _ = still.read(figures(100), at: 0)
    let later = still.read(figures(100), at: 5)
    #expect(later.scanningRate == nil && later.secondsLeft == nil, "nothing moved")
    #expect(later.elapsedSeconds == 5)
  }

  @Test func ratesAreOfTheLastSeconds() throws {
    var meter = ProgressMeter()
    for second in 0...20 { _ = meter.read(figures(UInt64(second)), at: Double(second)) }
    var reading = ProgressMeter.Reading()
    for second in 21...40 {
      reading = meter.read(
        figures(UInt64(20 + (second - 20) * 10), sent: UInt64(second)), at: Double(second))
    }
    #expect(try #require(reading.scanningRate) == 10)
    #expect(try #require(reading.sendingRate) == 1)
    #expect(try #require(reading.secondsLeft) == 78)
    reading = meter.read(figures(220, sent: 40, wanted: 7), at: 40)
    #expect(try #require(reading.secondsLeft) == 85, "what is missing comes after")
  }

  @Test func whatIsStillMissingCountsAsLeft() throws {
    var meter = ProgressMeter()
    _ = meter.read(figures(1000, sent: 0, wanted: 800), at: 0)
    let reading = meter.read(figures(1000, sent: 100, wanted: 700), at: 10)
    #expect(try #require(reading.sendingRate) == 10)
    #expect(reading.scanningRate == nil)
    #expect(try #require(reading.secondsLeft) == 70)
  }

  @Test func aNewPassOrPhaseBeginsToMeasureAgain() {
    var meter = ProgressMeter()
    _ = meter.read(figures(0), at: 0)
    #expect(meter.read(figures(1000), at: 2).scanningRate == 500)
    #expect(meter.read(figures(10), at: 4).scanningRate == nil)
    #expect(meter.read(figures(20), at: 5).scanningRate == 10)
    #expect(meter.read(figures(20, phase: .verifying), at: 6).scanningRate == nil)
    #expect(meter.read(figures(120, phase: .verifying), at: 7).secondsLeft == 8.8)
  }

  @Test func thereIsNoTimeLeftWhereItMeansNothing() {
    for phase in [Counters.Phase.connecting, .finishing, .done] {
      var meter = ProgressMeter()
      _ = meter.read(figures(0, phase: phase), at: 0)
      #expect(meter.read(figures(500, phase: phase), at: 5).secondsLeft == nil)
    }
    var meter = ProgressMeter()
    var slow = figures(0)
    slow.imageByteCount = 1 << 60
    _ = meter.read(slow, at: 0)
    slow.scanned = 1
    #expect(meter.read(slow, at: 5).secondsLeft == nil, "longer than anybody waits")
  }

  @Test func countersThatRunBackwardsAreNoTrap() {
    var meter = ProgressMeter()
    var strange = figures(10, sent: 5, wanted: 50)
    _ = meter.read(strange, at: 0)
    (strange.sent, strange.wanted, strange.imageByteCount) = (0, .max, 0)
    let reading = meter.read(strange, at: 9)
    #expect(reading.sendingRate == nil && reading.secondsLeft == nil)
  }

  @Test func samplesAreBounded() {
    var meter = ProgressMeter()
    for tick in 0..<100_000 { _ = meter.read(figures(0), at: Double(tick) / 5) }
    #expect(meter.sampleCount < 50)
  }
}
