// SPDX-License-Identifier: Apache-2.0

import Testing
import Transfer

@testable import blkmove

@Suite struct EstimateTextTests {
  private static let full = Estimate(
    pageCount: 12_800, byteCount: 50 << 20, compressedByteCount: 20 << 20,
    foundByteCount: 3 << 20, line: .measured(2 * 1_048_576), comparisonSeconds: 0.8)

  private func image(
    _ estimate: Estimate?, name: String = "a", connectionCount: Int = 1
  ) -> ImageResult {
    var report = Report()
    report.estimate = estimate
    report.connectionCount = connectionCount
    return ImageResult(source: name, target: "h:b", status: .done, report: report)
  }

  private func lines(_ change: (inout Estimate) -> Void, connectionCount: Int = 1) -> [String] {
    var estimate = Self.full
    change(&estimate)
    return EstimateText([image(estimate, connectionCount: connectionCount)]).lines
  }

  @Test func amountAndTime() {
    #expect(
      lines { _ in } == [
        "would send 50.0 MiB (12,800 pages), 20.0 MiB after compression, "
          + "and find 3.00 MiB at the target's end",
        "would take about 11 s at 2.00 MiB/s: 10 s to send, after comparing for 0.8 s",
      ])
  }

  @Test func theLimitAndTheOrderAreSaid() {
    let lines = lines {
      $0.line = .limited(1_048_576)
      $0.sendsMeanwhile = true
    }
    #expect(
      lines[1] == "would take about 20 s at the limit of 1.00 MiB/s: "
        + "20 s to send, while comparing for 0.8 s")
  }

  @Test func whatIsNotKnownIsSaidToBe() {
    #expect(
      lines { $0.line = .unknown }[1]
        == "unknown how long it would take: comparing took 0.8 s, "
        + "what was sent to measure the line went too fast to tell")
    #expect(
      lines { $0.compressedByteCount = nil }[0].contains("unknown how much after compression"))
  }

  @Test func betweenImagesHereNothingIsSent() {
    let lines = lines({ $0.line = .unknown }, connectionCount: 0)
    #expect(
      lines == [
        "would write 50.0 MiB (12,800 pages)",
        "unknown how long it would take: comparing took 0.8 s, "
          + "how fast the target takes what is written was not tried",
      ])
  }

  @Test func nothingToSendTakesTheComparison() {
    let lines = lines {
      ($0.byteCount, $0.pageCount, $0.compressedByteCount, $0.line) = (0, 0, 0, .unknown)
    }
    #expect(lines[0] == "would send 0 B (0 pages), and find 3.00 MiB at the target's end")
    #expect(lines[1] == "would take about 0.8 s, all of it to compare")
  }

  @Test func severalAreAddedUp() {
    let lines = EstimateText([image(Self.full), image(Self.full, name: "c")]).lines
    #expect(lines.count == 4)
    #expect(lines[0].hasPrefix("a -> h:b: would send 50.0 MiB"))
    #expect(lines[1].hasPrefix("c -> h:b: "))
    #expect(lines[2].hasPrefix("would send 100 MiB (25,600 pages), 40.0 MiB after compression"))
    #expect(lines[3] == "would take about 22 s in all")
    var unknown = Self.full
    unknown.line = .unknown
    let some = EstimateText([image(Self.full), image(unknown)]).lines
    #expect(some.last == "how long all of it would take is not known")
    #expect(EstimateText([image(nil)]).lines.isEmpty)
  }

  @Test(arguments: [
    (0.04, "0.0 s"), (0.4, "0.4 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"),
    (59.6, "1 min 0 s"), (200, "3 min 20 s"), (3600, "1 h 0 min"), (18_720, "5 h 12 min"),
    (273_600, "3 d 4 h"), (.infinity, "213,503,982,334,601 d 7 h"),
  ])
  func spans(seconds: Double, text: String) {
    #expect(ByteText.span(seconds) == text)
  }
}
