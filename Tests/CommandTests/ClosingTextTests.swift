// SPDX-License-Identifier: Apache-2.0

import Testing
import Transfer

@testable import blkmove

@Suite struct ClosingTextTests {
  private func image(
    _ byteCount: UInt64, wire: (sent: UInt64, received: UInt64) = (0, 0), sent: UInt64 = 0
  ) -> ImageResult {
    var report = Report()
    report.imageByteCount = byteCount
    report.counters.wireSent = wire.sent
    report.counters.wireReceived = wire.received
    report.counters.sent = sent
    return ImageResult(source: "a", target: "b", status: .done, report: report)
  }

  private func text(isDryRun: Bool = false, seconds: Double = 2) -> ClosingText {
    ClosingText(isDryRun: isDryRun, bandwidthLimit: nil, elapsedSeconds: seconds)
  }

  @Test func overTheWireTheWireCounts() {
    let lines = text().lines([image(1_000_000, wire: (sent: 900, received: 100), sent: 4096)])
    #expect(lines[0] == "sent 900 bytes  received 100 bytes  500.00 bytes/sec")
    #expect(lines[1] == "total size is 1,000,000  speedup is 1,000.00")
    #expect(lines[2] == "equal 0 B  zero 0 B  found 0 B  sent 4.00 KiB")
  }

  @Test func withoutAWireWhatWasWrittenCounts() {
    let lines = text().lines([image(1_000_000, sent: 4000)])
    #expect(lines[0] == "sent 4,000 bytes  received 0 bytes  2,000.00 bytes/sec")
    #expect(lines[1] == "total size is 1,000,000  speedup is 250.00")
  }

  @Test func nothingIsDividedByNothing() {
    let lines = text(seconds: 0).lines([image(0)])
    #expect(lines[0] == "sent 0 bytes  received 0 bytes  0.00 bytes/sec")
    #expect(lines[1] == "total size is 0")
    #expect(text(isDryRun: true).lines([image(7)])[1] == "total size is 7 (DRY RUN)")
  }

  @Test func sumsDoNotTrap() {
    let huge = image(.max, wire: (sent: .max, received: .max), sent: .max)
    #expect(text().lines([huge, huge]).count == 5)
    #expect(!text().table([huge, huge]).isEmpty)
  }

  @Test func confirmationsSayWhatTheyStandOn() throws {
    var result = image(1)
    #expect(text().confirmations([result]).isEmpty)
    result.report.imageDigest = Engine.testDigest
    let digest = Engine.testDigest.hexadecimal
    #expect(text().confirmations([result]) == ["a -> b: digest \(digest)"])
    result.report.passCount = 2
    result.report.isVerified = true
    #expect(
      text().confirmations([result]) == ["a -> b: digest \(digest), after 2 passes, read back"])
  }
}
