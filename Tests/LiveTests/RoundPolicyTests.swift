// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Live

struct RoundPolicyTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    /// Predicted pauses, round by round.
    var seconds: [Double]
    var decisions: [RoundPolicy.Decision]
    var canSlowDown = true
    var change: @Sendable (inout LiveSettings) -> Void = { _ in }
  }

  static let cases = [
    Case(
      testDescription: "an idle writer is paused at once", seconds: [0.05],
      decisions: [.cutOver]),
    Case(
      testDescription: "what still gets better goes on", seconds: [2.5, 1.2, 0.6, 0.58],
      decisions: [.another, .another, .another, .cutOver]),
    Case(
      testDescription: "too long, then short enough", seconds: [30, 10, 3.5, 2.7, 2.6],
      decisions: [.another, .another, .another, .another, .cutOver]),
    Case(
      testDescription: "what does not converge is slowed down", seconds: [9, 9, 9, 9, 9],
      decisions: [
        .another, .another, .slowDown(writesPerSecond: 762), .another, .another,
      ]),
    Case(
      testDescription: "and again, by half", seconds: [9, 9, 9, 9, 9, 9],
      decisions: [
        .another, .another, .slowDown(writesPerSecond: 762), .another, .another,
        .slowDown(writesPerSecond: 381),
      ]),
    Case(
      testDescription: "who cannot be slowed down is left alone", seconds: [9, 9, 9],
      decisions: [.another, .another, .giveUp], canSlowDown: false),
    Case(
      testDescription: "who may not be slowed down either", seconds: [9, 9, 9],
      decisions: [.another, .another, .giveUp], change: { $0.throttle = .off }),
    Case(
      testDescription: "rounds are counted", seconds: [9, 7, 5, 4],
      decisions: [.another, .another, .another, .giveUp], change: { $0.maximumRoundCount = 4 }),
    Case(
      testDescription: "the last one that is allowed may do", seconds: [9, 7, 2],
      decisions: [.another, .another, .cutOver], change: { $0.maximumRoundCount = 3 }),
    Case(
      testDescription: "who waits for the user does not count", seconds: [9, 9, 9, 9, 0.01],
      decisions: .init(repeating: .another, count: 5),
      change: {
        $0.cutover = .manual
        $0.maximumRoundCount = 2
      }),
  ]

  @Test(arguments: cases)
  func itDecides(test: Case) {
    var settings = LiveSettings()
    test.change(&settings)
    var policy = RoundPolicy(settings, canSlowDown: test.canSlowDown)
    let decisions = test.seconds.map { seconds in
      policy.decide(
        Forecast(pausing: 0, taking: 0, sending: seconds, settling: 0, finishing: 0),
        linkRate: 12.5e6)
    }
    #expect(decisions == test.decisions)
  }

  /// The user says so after a while; from then on it is as if it had been automatic.
  @Test func theUsersWordIsWaitedFor() {
    var settings = LiveSettings()
    settings.cutover = .manual
    var policy = RoundPolicy(settings, canSlowDown: false)
    let short = Forecast(pausing: 0, taking: 0, sending: 0.01, settling: 0, finishing: 0)
    #expect(policy.decide(short, linkRate: nil) == .another)
    policy.isAsked = true
    #expect(policy.decide(short, linkRate: nil) == .cutOver)
  }

  /// A line of which nothing is known, or that is very slow, still leaves some writes.
  @Test(arguments: [nil, 0, 1, 1e12] as [Double?])
  func noLineIsTooStrange(_ linkRate: Double?) {
    var policy = RoundPolicy(LiveSettings(), canSlowDown: true)
    let long = Forecast(pausing: 0, taking: 0, sending: 99, settling: 0, finishing: 0)
    for _ in 0..<60 {
      if case .slowDown(let rate) = policy.decide(long, linkRate: linkRate) {
        #expect(rate >= 10 && rate <= 1_000_000)
      }
    }
  }
}
