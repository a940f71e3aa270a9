// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite(.serialized) struct PaceTests {
  @Test func withoutALimitNobodyWaits() {
    let pace = Pace()
    #expect(pace.pieceByteCount == nil)
    pace.pay(for: 1 << 40)
    pace.limit(bytesPerSecond: 1_000_000)
    #expect(pace.pieceByteCount == 20_000)
    pace.limit(bytesPerSecond: nil)
    pace.pay(for: 1 << 40)
  }

  @Test func allTogetherKeepTheRate() throws {
    let pace = Pace(bytesPerSecond: 1_000_000)
    let start = Clock.now
    let writers = (0..<4).map { number in
      Watchdog.Running("writer \(number)") {
        for _ in 0..<5 { pace.pay(for: 20_000) }
      }
    }
    for writer in writers { try writer.value() }
    // 400,000 bytes, of which 20 ms are credit.
    #expect(Clock.now - start > 0.37)
  }
}
