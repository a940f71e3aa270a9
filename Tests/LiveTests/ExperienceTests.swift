// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Live

struct ExperienceTests {
  private static func round(
    _ number: Int, dirty: UInt64, wire: UInt64, seconds: Double, settling: Double = 0.02,
    gathering: Double = 1
  ) -> RoundRecord {
    var record = RoundRecord(number: number)
    record.dirtyByteCount = dirty
    record.readByteCount = dirty
    record.wireByteCount = wire
    record.transferSeconds = seconds
    record.settlingSeconds = settling
    record.gatheringSeconds = gathering
    return record
  }

  /// Ten megabytes a second, half of what is written is sent.
  private static var tried: Experience {
    var experience = Experience(pausing: 0.005)
    experience.learn(round(0, dirty: 0, wire: 100_000_000, seconds: 10))
    experience.learn(round(1, dirty: 10_000_000, wire: 5_000_000, seconds: 0.5))
    return experience
  }

  @Test func theLineAndTheShareAreLearnt() {
    let forecast = Self.tried.forecast(dirtyByteCount: 20_000_000, readByteCount: 0)
    #expect(abs(forecast.sending / Self.tried.surprise - 1.0) < 0.02)
    #expect(forecast.pausing == 0.005)
    #expect(abs(forecast.settling - 0.02) < 1e-9)
    #expect(
      forecast.seconds
        == forecast.pausing + forecast.taking + forecast.sending + forecast.settling
        + forecast.finishing)
  }

  /// A worse flush counts at once, a better one by half.
  @Test func theWorseCounts() {
    var experience = Self.tried
    experience.learn(Self.round(2, dirty: 10, wire: 10, seconds: 0.001, settling: 0.5))
    #expect(experience.settling == 0.5)
    experience.learn(Self.round(3, dirty: 10, wire: 10, seconds: 0.001, settling: 0.1))
    #expect(abs(experience.settling - 0.3) < 1e-9)
  }

  /// What waits in buffers on the way looks as if it had gone in no time, until the target speaks.
  @Test func whatWaitsOnTheWayIsCounted() {
    var experience = Experience(pausing: 0)
    experience.learn(Self.round(1, dirty: 10, wire: 10, seconds: 0.001, settling: 0.02))
    experience.learn(
      Self.round(2, dirty: 5_000_000, wire: 5_000_000, seconds: 0.01, settling: 0.51))
    #expect(abs(experience.linkRate! - 10_000_000) < 500_000)
    #expect(abs(experience.settling - 0.02) < 1e-9)
  }

  /// What took longer than it was predicted to does so again; what did not makes nobody bold.
  @Test func surprisesAreExpectedAgain() {
    var experience = Self.tried
    let usual = experience.surprise
    #expect((1.05...1.25).contains(usual))
    experience.learn(Self.round(2, dirty: 10_000_000, wire: 5_000_000, seconds: 0.8))
    #expect(experience.surprise > 1.4)
    experience.learn(Self.round(3, dirty: 10_000_000, wire: 5_000_000, seconds: 9))
    #expect(experience.surprise == 2)
    for number in 4..<20 {
      experience.learn(Self.round(number, dirty: 10_000_000, wire: 5_000_000, seconds: 0.1))
    }
    #expect(abs(experience.surprise - usual) < 1e-9)
  }

  /// A tiny round says nothing about the line.
  @Test func smallRoundsDoNotMisleadAboutTheLine() {
    var experience = Self.tried
    let before = experience.linkRate
    experience.learn(Self.round(2, dirty: 4096, wire: 300, seconds: 0.05))
    #expect(experience.linkRate == before)
  }

  @Test func theRateOfWritingIsKnown() {
    #expect(Self.tried.dirtyRate == 10_000_000)
  }

  /// Nothing is known before the first byte: the prediction is careful, and finite.
  @Test func withoutExperienceItIsCareful() {
    let forecast = Experience(pausing: 0).forecast(
      dirtyByteCount: 12_000_000, readByteCount: 12_000_000)
    #expect(forecast.sending >= 1)
    #expect(forecast.seconds.isFinite)
  }
}
