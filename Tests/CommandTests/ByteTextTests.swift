// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import blkmove

@Suite struct ByteTextTests {
  static let human: [(byteCount: UInt64, text: String)] = [
    (0, "0 B"), (1, "1 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1536, "1.50 KiB"),
    (10_234, "9.99 KiB"), (10_240, "10.0 KiB"), (102_348, "99.9 KiB"), (102_400, "100 KiB"),
    (1_047_552, "1023 KiB"), (1_048_063, "1023 KiB"), (1_048_064, "1.00 MiB"),
    (1_048_575, "1.00 MiB"), (1 << 20, "1.00 MiB"), (12_897_485, "12.3 MiB"),
    (8 << 30, "8.00 GiB"), (8 << 40, "8.00 TiB"), (1 << 60, "1.00 EiB"), (.max, "16.0 EiB"),
  ]

  @Test(arguments: human)
  func peopleReadThreeDigits(byteCount: UInt64, text: String) {
    #expect(ByteText.human(byteCount) == text)
  }

  static let exact: [(number: UInt64, text: String)] = [
    (0, "0"), (999, "999"), (1000, "1,000"), (123_456, "123,456"), (1_234_567, "1,234,567"),
    (.max, "18,446,744,073,709,551,615"),
  ]

  @Test(arguments: exact)
  func exactHasEveryDigit(number: UInt64, text: String) {
    #expect(ByteText.exact(number) == text)
  }

  @Test func bothAreBesideEachOther() {
    #expect(ByteText.both(1) == "1 byte")
    #expect(ByteText.both(1000) == "1,000 bytes")
    #expect(ByteText.both(8 << 30) == "8,589,934,592 bytes (8.00 GiB)")
  }

  static let decimals: [(value: Double, text: String)] = [
    (0, "0.00"), (0.004, "0.00"), (0.005, "0.01"), (1234.567, "1,234.57"), (-1, "0.00"),
    (.nan, "0.00"), (.infinity, "184,467,440,737,095,516.15"), (99.999, "100.00"),
  ]

  @Test(arguments: decimals)
  func decimalsAreGrouped(value: Double, text: String) {
    #expect(ByteText.decimal(value) == text)
  }

  static let durations: [(seconds: Double, text: String)] = [
    (0, "0:00"), (6.6, "0:07"), (59.4, "0:59"), (59.6, "1:00"), (725, "12:05"),
    (3723, "1:02:03"), (360_000, "100:00:00"), (-5, "0:00"), (.nan, "0:00"),
  ]

  @Test(arguments: durations)
  func durationsAreClocks(seconds: Double, text: String) {
    #expect(ByteText.duration(seconds) == text)
  }

  @Test func aRateIsASecond() {
    #expect(ByteText.rate(1536.9) == "1.50 KiB/s")
    #expect(ByteText.rate(.infinity) == "16.0 EiB/s")
  }
}
