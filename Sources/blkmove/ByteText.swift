// SPDX-License-Identifier: Apache-2.0

/// Writes byte counts, rates and times for people.
enum ByteText {
  private static let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

  /// Three digits and a unit: `0 B`, `999 B`, `1.50 KiB`, `12.3 MiB`, `512 GiB`.
  static func human(_ byteCount: UInt64) -> String {
    if byteCount < 1024 { return "\(byteCount) B" }
    var unit = 1
    // What would round up to 1024 is one of the next unit.
    while unit < units.count - 1, rounded(byteCount, unit, parts: 1) >= 1024 { unit += 1 }
    for (places, parts) in [(2, 100), (1, 10)] as [(Int, UInt64)] {
      let value = rounded(byteCount, unit, parts: parts)
      if value < 1000 { return "\(fixed(value, places)) \(units[unit])" }
    }
    return "\(rounded(byteCount, unit, parts: 1)) \(units[unit])"
  }

  /// Every digit, in groups of three: `8,589,934,592`.
  static func exact(_ number: UInt64) -> String {
    var digits = String(number)
    var position = digits.count - 3
    while position > 0 {
      digits.insert(",", at: digits.index(digits.startIndex, offsetBy: position))
      position -= 3
    }
    return digits
  }

  /// Both: `8,589,934,592 bytes (8.00 GiB)`.
  static func both(_ byteCount: UInt64) -> String {
    let exact = "\(exact(byteCount)) \(byteCount == 1 ? "byte" : "bytes")"
    return byteCount < 1024 ? exact : "\(exact) (\(human(byteCount)))"
  }

  static func rate(_ bytesPerSecond: Double) -> String {
    "\(human(whole(bytesPerSecond)))/s"
  }

  /// A fraction written with a number of decimals and grouped digits: `1,234.57`.
  static func decimal(_ value: Double, places: Int = 2) -> String {
    let power = (0..<places).reduce(UInt64(1)) { product, _ in product * 10 }
    let scaled = whole((value * Double(power)).rounded())
    let fraction = String(scaled % power)
    let padding = String(repeating: "0", count: max(0, places - fraction.count))
    return exact(scaled / power) + (places == 0 ? "" : ".\(padding)\(fraction)")
  }

  /// Hours, minutes and seconds: `0:07`, `12:05`, `1:02:03`.
  static func duration(_ seconds: Double) -> String {
    let total = whole(seconds.rounded())
    let hours = total / 3600
    let minutes = total / 60 % 60
    let tail = twoDigits(total % 60)
    return hours == 0 ? "\(minutes):\(tail)" : "\(hours):\(twoDigits(minutes)):\(tail)"
  }

  /// For a sentence, no finer than it is likely to be true: `0.4 s`, `12 s`, `3 min 20 s`,
  /// `5 h 12 min`, `3 d 4 h`.
  static func span(_ seconds: Double) -> String {
    if seconds < 9.95 { return "\(decimal(seconds, places: 1)) s" }
    let total = whole(seconds.rounded())
    let scales: [(unit: UInt64, name: String, part: UInt64, partName: String)] = [
      (86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"),
    ]
    for (unit, name, part, partName) in scales where total >= unit {
      return "\(exact(total / unit)) \(name) \(total % unit / part) \(partName)"
    }
    return "\(total) s"
  }

  private static func twoDigits(_ number: UInt64) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }

  /// The nearest whole number that there is: 0 for what is negative or no number.
  private static func whole(_ value: Double) -> UInt64 {
    guard value > 0 else { return 0 }
    return UInt64(exactly: value.rounded(.towardZero)) ?? .max
  }

  /// How many hundredths, tenths or wholes of a unit, to the nearest.
  private static func rounded(_ byteCount: UInt64, _ unit: Int, parts: UInt64) -> UInt64 {
    let divisor = UInt128(1) << (10 * UInt128(unit))
    return UInt64((UInt128(byteCount) * UInt128(parts) + divisor / 2) / divisor)
  }

  private static func fixed(_ scaled: UInt64, _ places: Int) -> String {
    let power: UInt64 = places == 2 ? 100 : 10
    let fraction = String(scaled % power)
    return "\(scaled / power)." + String(repeating: "0", count: places - fraction.count) + fraction
  }
}
