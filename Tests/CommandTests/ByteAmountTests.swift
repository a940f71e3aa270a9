// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import blkmove

@Suite struct ByteAmountTests {
  static let sizes: [(text: String, byteCount: UInt64)] = [
    ("0", 0), ("1", 1), ("4096", 4096), ("1B", 1), ("007", 7),
    ("1K", 1024), ("1k", 1024), ("1KiB", 1024), ("1kib", 1024), ("1kB", 1000), ("1KB", 1000),
    ("64M", 64 << 20), ("64m", 64 << 20), ("64MiB", 64 << 20), ("64MB", 64_000_000),
    ("2G", 2 << 30), ("2GiB", 2 << 30), ("2GB", 2_000_000_000),
    ("3T", 3 << 40), ("3TB", 3_000_000_000_000), ("4P", 4 << 50), ("4PB", 4_000_000_000_000_000),
    ("1.5M", 3 << 19), ("0.5K", 512), ("1.999999999K", 2047), ("1.10B", 1), ("0.001MB", 1000),
    ("1152921504606846976", 1 << 60), ("1024P", 1 << 60), ("0.000000001G", 1),
  ]

  @Test(arguments: sizes)
  func aSizeIsRead(text: String, byteCount: UInt64) throws {
    #expect(try ByteAmount.size(text) == byteCount)
  }

  static let rates: [(text: String, bytesPerSecond: UInt64?)] = [
    // A bare number is in KiB, as rsync has it; 0 is no limit.
    ("1000", 1_024_000), ("1", 1024), ("1.5", 1536), ("0", nil), ("0M", nil), ("0.0", nil),
    ("10M", 10 << 20), ("10M/s", 10 << 20), ("10MB", 10_000_000), ("10MB/s", 10_000_000),
    ("1.5MiB/s", 3 << 19), ("2048B", 2048), ("2048B/s", 2048),
    ("100Mbit", 12_500_000), ("100Mbit/s", 12_500_000), ("8192bit", 1024), ("8.192kbit", 1024),
    ("1Gbit", 125_000_000), ("1Tbit", 125_000_000_000), ("1K", 1024), ("1024P", 1 << 60),
  ]

  @Test(arguments: rates)
  func aRateIsRead(text: String, bytesPerSecond: UInt64?) throws {
    #expect(try ByteAmount.rate(text) == bytesPerSecond)
  }

  static let wrongEverywhere: [(text: String, sentence: String)] = [
    ("", "is not a number with a unit"), ("M", "is not a number with a unit"),
    ("x", "is not a number with a unit"), ("+1M", "is not a number with a unit"),
    (" 1M", "is not a number with a unit"), (".5M", "is not a number with a unit"),
    ("٣M", "is not a number with a unit"), ("-1", "is negative"), ("-x", "is negative"),
    ("1.M", "no digits after the point"), ("1.", "no digits after the point"),
    ("1,5M", "has no unit that is known"), ("1 M", "has no unit that is known"),
    ("1e6", "has no unit that is known"), ("0x10", "has no unit that is known"),
    ("1X", "has no unit that is known"), ("1KiBs", "has no unit that is known"),
    ("1E", "has no unit that is known"), ("1.5.5M", "has no unit that is known"),
    ("1Ké", "has no unit that is known"), ("1\u{301}", "has no unit that is known"),
    ("10Mb", "could mean bits or bytes"), ("10b", "could mean bits or bytes"),
    ("1152921504606846977B", "is too large; the most is 1.00 EiB"),
    ("1025P", "is too large; the most is 1.00 EiB"),
    ("9999999999999999999P", "is too large; the most is 1.00 EiB"),
    ("10000000000000000000", "has too many digits"), ("1.0000000000M", "has too many digits"),
    ("0.1B", "is less than one byte"), ("0.000000001K", "is less than one byte"),
  ]

  @Test(arguments: wrongEverywhere)
  func whatIsNoAmountIsSaid(text: String, sentence: String) {
    let size = #expect(throws: UsageError.self) { try ByteAmount.size(text) }
    #expect(size?.sentence.contains(sentence) == true, "\(size?.sentence ?? "")")
    #expect(size?.sentence.contains("'\(text)'") == true)
    let rate = #expect(throws: UsageError.self) { try ByteAmount.rate(text) }
    #expect(rate?.sentence.contains(sentence) == true, "\(rate?.sentence ?? "")")
  }

  @Test(arguments: ["1Mbit", "1M/s", "1bit"])
  func aSizeHasNoRate(text: String) {
    #expect(throws: UsageError.self) { try ByteAmount.size(text) }
  }

  @Test(arguments: ["1023B", "0.9", "8bit", "8191bit", "0.5K"])
  func aLimitThatLooksLikeAHangIsRefused(text: String) {
    let error = #expect(throws: UsageError.self) { try ByteAmount.rate(text) }
    #expect(error?.sentence.contains("is too slow; the least is 1 KiB/s") == true)
  }

  @Test func theHintSpellsTheUnitOut() {
    let error = #expect(throws: UsageError.self) { try ByteAmount.rate("10Mb") }
    #expect(error?.hint == "write the unit out: Mbit or MB")
  }
}
