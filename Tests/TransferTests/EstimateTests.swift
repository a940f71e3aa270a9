// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Transfer

@Suite struct EstimateTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var wanted: UInt64 = 100 << 20
    var appraisal: Appraisal? = Appraisal(
      sampledByteCount: 1000, compressedByteCount: 250, bytesPerSecond: 10 << 20)
    var compression = Compression.automatic
    var limit: UInt64?
    var sendsMeanwhile = false
    var compressed: UInt64?
    var line: Estimate.Line
    var seconds: Double?
  }

  private static let mebibyte = 1_048_576.0
  private static let measured = Estimate.Line.measured(10 * mebibyte)

  static let cases: [Case] = [
    Case(
      testDescription: "what the sample says", compressed: 25 << 20, line: measured, seconds: 4.5),
    Case(
      testDescription: "sent beside the comparison", sendsMeanwhile: true, compressed: 25 << 20,
      line: measured, seconds: 2.5),
    Case(
      testDescription: "a comparison that takes longer", wanted: 10 << 20, sendsMeanwhile: true,
      compressed: (10 << 20) / 4, line: measured, seconds: 2),
    Case(
      testDescription: "raw", compression: .none, compressed: 100 << 20, line: measured,
      seconds: 12),
    Case(
      testDescription: "frames do not count against noise",
      appraisal: Appraisal(
        sampledByteCount: 1000, compressedByteCount: 1001, bytesPerSecond: 10 << 20),
      compressed: 100 << 20, line: measured, seconds: 12),
    Case(
      testDescription: "a limit that is lower", limit: 5 << 20, compressed: 25 << 20,
      line: .limited(5 * mebibyte), seconds: 7),
    Case(
      testDescription: "a limit that was just reached", limit: (10 << 20) + 1000,
      compressed: 25 << 20, line: .limited(10 * mebibyte + 1000),
      seconds: 2 + 25 * mebibyte / (10 * mebibyte + 1000)),
    Case(
      testDescription: "a limit that is higher", limit: 50 << 20, compressed: 25 << 20,
      line: measured, seconds: 4.5),
    Case(
      testDescription: "too fast to measure",
      appraisal: Appraisal(sampledByteCount: 1000, compressedByteCount: 250),
      compressed: 25 << 20, line: .unknown),
    Case(
      testDescription: "too fast to measure, but limited",
      appraisal: Appraisal(sampledByteCount: 1000, compressedByteCount: 250), limit: 5 << 20,
      compressed: 25 << 20, line: .limited(5 * mebibyte), seconds: 7),
    Case(
      testDescription: "nothing sampled", appraisal: Appraisal(bytesPerSecond: 10 << 20),
      compressed: nil, line: measured),
    Case(
      testDescription: "nothing to send", wanted: 0, appraisal: Appraisal(), compressed: 0,
      line: .unknown, seconds: 2),
    Case(
      testDescription: "both here", appraisal: nil, sendsMeanwhile: true, compressed: 100 << 20,
      line: .unknown),
    Case(
      testDescription: "both here, with a limit", appraisal: nil, limit: 10 << 20,
      sendsMeanwhile: true, compressed: 100 << 20, line: .limited(10 * mebibyte), seconds: 10),
  ]

  @Test(arguments: cases)
  func followsFromWhatWasMeasured(test: Case) {
    var figures = Counters.Snapshot()
    figures.wanted = test.wanted
    figures.found = 7
    var settings = Settings()
    settings.compression = test.compression
    settings.bandwidthLimit = test.limit
    let estimate = Estimate(
      figures, test.appraisal, settings: settings, comparisonSeconds: 2,
      sendsMeanwhile: test.sendsMeanwhile)
    #expect(estimate.byteCount == test.wanted && estimate.foundByteCount == 7)
    #expect(estimate.pageCount == (test.wanted + 4095) / 4096)
    #expect(estimate.compressedByteCount == test.compressed)
    #expect(estimate.line == test.line)
    #expect(estimate.seconds == test.seconds)
  }
}
