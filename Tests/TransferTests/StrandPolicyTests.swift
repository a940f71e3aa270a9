// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite struct StrandPolicyTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var milliseconds: Double
    var limit: UInt64?
    /// Megabytes a second.
    var rate: Double
    var megabytesLeft = 4000.0
    var count = 1
    var decision: StrandPolicy.Decision
  }

  @Test(arguments: [
    Case(testDescription: "a long line", milliseconds: 50, rate: 32, decision: .open(2)),
    Case(testDescription: "a longer line", milliseconds: 100, rate: 17, decision: .open(2)),
    Case(testDescription: "a short line", milliseconds: 10, rate: 98, decision: .open(2)),
    Case(testDescription: "no line", milliseconds: 0.3, rate: 500, decision: .enough),
    Case(testDescription: "just short enough", milliseconds: 3.9, rate: 300, decision: .enough),
    Case(testDescription: "a narrow link", milliseconds: 50, rate: 11, decision: .wait),
    Case(testDescription: "nothing is sent", milliseconds: 50, rate: 0, decision: .wait),
    Case(
      testDescription: "a round trip that cannot be", milliseconds: 50, rate: 80, decision: .wait),
    Case(
      testDescription: "little is left", milliseconds: 50, rate: 32, megabytesLeft: 60,
      decision: .wait),
    Case(
      testDescription: "a limit is kept", milliseconds: 50, limit: 35_000_000, rate: 32,
      decision: .wait),
    Case(
      testDescription: "a limit that is far", milliseconds: 50, limit: 90_000_000, rate: 32,
      decision: .open(2)),
    Case(
      testDescription: "room for one", milliseconds: 50, rate: 250, count: 7, decision: .open(1)),
    Case(testDescription: "no room", milliseconds: 50, rate: 300, count: 8, decision: .enough),
  ])
  func aDecision(test: Case) {
    var policy = StrandPolicy(roundTrip: test.milliseconds / 1000, bandwidthLimit: test.limit)
    let decision = policy.decide(
      rate: test.rate * 1e6, left: test.megabytesLeft * 1e6, connectionCount: test.count)
    #expect(decision == test.decision)
  }

  @Test func itStopsWhenMoreBringNothing() {
    var policy = StrandPolicy(roundTrip: 0.05, bandwidthLimit: nil)
    #expect(policy.decide(rate: 32e6, left: 4e9, connectionCount: 1) == .open(2))
    #expect(policy.decide(rate: 96e6, left: 4e9, connectionCount: 3) == .open(2))
    #expect(policy.decide(rate: 100e6, left: 4e9, connectionCount: 5) == .enough)
  }

  @Test func aMeasurementIsNeitherHastyNorEndless() {
    for milliseconds in [4.0, 20, 100, 1000, 100_000] {
      let policy = StrandPolicy(roundTrip: milliseconds / 1000, bandwidthLimit: nil)
      #expect((0.1...0.8).contains(policy.interval))
    }
  }
}
