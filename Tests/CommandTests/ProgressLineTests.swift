// SPDX-License-Identifier: Apache-2.0

import Testing
import Transfer

@testable import blkmove

@Suite struct ProgressLineTests {
  private static func reading(_ phase: Counters.Phase) -> ProgressMeter.Reading {
    var reading = ProgressMeter.Reading()
    reading.figures.phase = phase
    reading.figures.imageByteCount = 8 << 30
    reading.figures.scanned = (8 << 30) / 100 * 35
    reading.figures.equal = 2 << 30
    reading.figures.zero = 512 << 20
    reading.figures.found = 3 << 20
    reading.figures.sent = 85 << 20
    reading.figures.wanted = 35 << 20
    reading.sendingRate = 98.2 * 1_048_576
    reading.scanningRate = 1e9
    reading.secondsLeft = 42
    return reading
  }

  static let widths: [(width: Int, text: String)] = [
    (
      .max,
      "scanned 34% of 8.00 GiB  equal 2.00 GiB  zero 512 MiB  found 3.00 MiB  "
        + "sent 85.0 MiB of 120 MiB  sending 98.2 MiB/s  ETA 0:42"
    ),
    (
      120,
      "scanned 34% of 8.00 GiB  equal 2.00 GiB  found 3.00 MiB  "
        + "sent 85.0 MiB of 120 MiB  sending 98.2 MiB/s  ETA 0:42"
    ),
    (
      100,
      "scanned 34% of 8.00 GiB  found 3.00 MiB  "
        + "sent 85.0 MiB of 120 MiB  sending 98.2 MiB/s  ETA 0:42"
    ),
    (79, "scanned 34% of 8.00 GiB  sent 85.0 MiB of 120 MiB  sending 98.2 MiB/s  ETA 0:42"),
    (78, "scanned 34%  sent 85.0 MiB of 120 MiB  sending 98.2 MiB/s  ETA 0:42"),
    (60, "scanned 34%  sending 98.2 MiB/s  ETA 0:42"),
    (39, "scanned 34%  ETA 0:42"),
    (20, "scanned 34%"),
    (11, "scanned 34%"),
    (10, ""),
    (0, ""),
    (-5, ""),
  ]

  @Test(arguments: widths)
  func theLessImportantLeavesFirst(width: Int, text: String) {
    #expect(ProgressLine().text(Self.reading(.comparing), width: width) == text)
  }

  static let phases: [(phase: Counters.Phase, text: String)] = [
    (.connecting, "connecting"),
    (.finishing, "finishing: waiting for stable storage"),
    (.verifying, "reading back 34%  954 MiB/s  ETA 0:42"),
    (.done, "done  equal 2.00 GiB  zero 512 MiB  found 3.00 MiB  sent 85.0 MiB of 120 MiB"),
  ]

  @Test(arguments: phases)
  func eachPhaseSaysWhatItIs(phase: Counters.Phase, text: String) {
    #expect(ProgressLine().text(Self.reading(phase)) == text)
  }

  @Test func whatIsNotMeasuredIsNotSaid() {
    var reading = Self.reading(.comparing)
    (reading.sendingRate, reading.secondsLeft, reading.figures.wanted) = (nil, nil, 0)
    let line = ProgressLine().text(reading)
    #expect(line.hasSuffix("sent 85.0 MiB  reading 954 MiB/s"))
    reading.scanningRate = nil
    #expect(ProgressLine().text(reading).hasSuffix("sent 85.0 MiB"))
  }

  @Test func eachOperationSaysWhatItDoes() {
    let reading = Self.reading(.comparing)
    var dryRun = ProgressLine()
    dryRun.isDryRun = true
    #expect(dryRun.text(reading).contains("would send 35.0 MiB"))
    var verify = ProgressLine()
    verify.operation = .verify
    #expect(verify.text(reading).contains("equal") && !verify.text(reading).contains("sent"))
    var digest = ProgressLine()
    digest.operation = .digest
    #expect(!digest.text(reading).contains("equal"))
    var second = ProgressLine()
    second.position = (2, 3)
    #expect(second.text(reading).hasPrefix("[2/3]  scanned 34%"))
  }

  static let percents: [(scanned: UInt64, of: UInt64, text: String)] = [
    (0, 100, "0%"), (999, 1000, "99%"), (1000, 1000, "100%"), (1001, 1000, "100%"),
    (0, 0, "100%"), ((1 << 60) - 1, 1 << 60, "99%"), (.max, .max, "100%"),
  ]

  @Test(arguments: percents)
  func itSaysHundredOnlyWhenItIs(scanned: UInt64, of: UInt64, text: String) {
    var figures = Counters.Snapshot()
    (figures.scanned, figures.imageByteCount) = (scanned, of)
    #expect(ProgressLine.percent(figures) == text)
  }
}
