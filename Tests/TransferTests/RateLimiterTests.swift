// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite(.serialized) struct RateLimiterTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var bytesPerSecond: UInt64
    var pieceByteCount: Int
    var testDescription: String { "\(bytesPerSecond) B/s" }
  }

  @Test(arguments: [
    Case(bytesPerSecond: 0, pieceByteCount: 512),
    Case(bytesPerSecond: 1, pieceByteCount: 512),
    Case(bytesPerSecond: 50 * 512, pieceByteCount: 512),
    Case(bytesPerSecond: 50 * 513, pieceByteCount: 513),
    Case(bytesPerSecond: 1_000_000, pieceByteCount: 20_000),
    Case(bytesPerSecond: 50 * (256 << 10) + 50, pieceByteCount: 256 << 10),
    Case(bytesPerSecond: .max, pieceByteCount: 256 << 10),
  ])
  func aPieceIsAFiftiethOfASecond(test: Case) {
    let limiter = RateLimiter(bytesPerSecond: test.bytesPerSecond)
    #expect(limiter.pieceByteCount == test.pieceByteCount)
  }

  @Test func theRateIsKept() {
    var limiter = RateLimiter(bytesPerSecond: 1_000_000)
    let start = Clock.now
    for _ in 0..<20 { limiter.pay(for: limiter.pieceByteCount) }
    // 400,000 bytes, of which 20 ms are credit.
    #expect((0.37..<1.5).contains(Clock.now - start))
  }

  @Test func noPieceWaitsMuchLongerThanItTakes() {
    var limiter = RateLimiter(bytesPerSecond: 1_000_000)
    var longest = 0.0
    for _ in 0..<20 {
      let start = Clock.now
      limiter.pay(for: limiter.pieceByteCount)
      longest = max(longest, Clock.now - start)
    }
    #expect(longest < 0.5)
  }

  @Test func aPauseBuysNoBurst() {
    var limiter = RateLimiter(bytesPerSecond: 1_000_000)
    Clock.sleep(seconds: 0.3)
    let start = Clock.now
    for _ in 0..<10 { limiter.pay(for: 20_000) }
    #expect(Clock.now - start > 0.16)
  }
}
