// SPDX-License-Identifier: Apache-2.0

/// Reads sizes and rates as people type them: a number, perhaps with a fraction, and a unit.
///
/// `K M G T P` and `KiB ...` count by 1024; `kB MB GB ...` by 1000; rates may also be given in bits
/// (`Mbit`, by 1000) and may end in `/s`. `Mb` is refused, because nobody can tell which of
/// them was meant.
enum ByteAmount {
  /// As large as an image may be.
  static let maximum: UInt64 = 1 << 60
  /// A slower limit would look like a hang.
  static let minimumRate: UInt64 = 1 << 10
  private static let maximumDigits = 19
  private static let maximumFractionDigits = 9

  /// A size in bytes; a number without a unit is bytes.
  static func size(_ text: String) throws(UsageError) -> UInt64 {
    let (number, unit) = try split(text)
    guard let scale = scale(of: unit) else { throw unknownUnit(unit, in: text, isRate: false) }
    return try scaled(number, by: scale, text)
  }

  /// A rate in bytes a second; 0 is nil, no limit. A number without a unit is KiB, as in rsync.
  static func rate(_ text: String) throws(UsageError) -> UInt64? {
    var (number, unit) = try split(text)
    if unit.hasSuffix("/s") { unit.removeLast(2) }
    guard let scale = unit.isEmpty ? Scale(1024) : scale(of: unit) ?? bitScale(of: unit) else {
      throw unknownUnit(unit, in: text, isRate: true)
    }
    let rate = try scaled(number, by: scale, text)
    if number.mantissa == 0 { return nil }
    guard rate >= minimumRate else {
      throw UsageError("'\(text)' is too slow; the least is 1 KiB/s, and 0 is no limit")
    }
    return rate
  }

  /// A decimal number: `mantissa` divided by 10 `fractionDigits` times.
  private struct Number {
    var mantissa: UInt128 = 0
    var fractionDigits = 0
  }

  private struct Scale {
    var multiplier: UInt128
    var divisor: UInt128 = 1

    init(_ multiplier: UInt128, divisor: UInt128 = 1) {
      self.multiplier = multiplier
      self.divisor = divisor
    }
  }

  private static func split(_ text: String) throws(UsageError) -> (Number, unit: String) {
    if text.hasPrefix("-") { throw UsageError("'\(text)' is negative") }
    let scalars = text.unicodeScalars
    let whole = scalars.prefix(while: isDigit)
    var rest = scalars.dropFirst(whole.count)
    var fraction = rest.prefix(0)
    if rest.first == "." {
      rest = rest.dropFirst()
      fraction = rest.prefix(while: isDigit)
      rest = rest.dropFirst(fraction.count)
      if fraction.isEmpty { throw UsageError("'\(text)' has no digits after the point") }
    }
    guard !whole.isEmpty else {
      throw UsageError(
        "'\(text)' is not a number with a unit, such as 512K, 1.5M or 10G")
    }
    guard whole.count <= maximumDigits, fraction.count <= maximumFractionDigits else {
      throw UsageError("'\(text)' has too many digits")
    }
    var number = Number(fractionDigits: fraction.count)
    for digit in [whole, fraction].joined() {
      number.mantissa = number.mantissa * 10 + UInt128(digit.value - 48)
    }
    return (number, String(rest))
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

  private static func scaled(
    _ number: Number, by scale: Scale, _ text: String
  ) throws(UsageError) -> UInt64 {
    var divisor = scale.divisor
    for _ in 0..<number.fractionDigits { divisor *= 10 }
    let value = number.mantissa * scale.multiplier / divisor
    guard value <= UInt128(maximum) else {
      throw UsageError("'\(text)' is too large; the most is \(ByteText.human(maximum))")
    }
    if value == 0, number.mantissa != 0 { throw UsageError("'\(text)' is less than one byte") }
    return UInt64(value)
  }

  /// What a unit of bytes multiplies by.
  private static func scale(of unit: String) -> Scale? {
    if unit.isEmpty || unit == "B" { return Scale(1) }
    guard let exponent = exponent(of: unit) else { return nil }
    switch unit.dropFirst() {
    case "", "iB", "IB", "ib": return Scale(power(1024, exponent))
    case "B": return Scale(power(1000, exponent))
    default: return nil
    }
  }

  private static func bitScale(of unit: String) -> Scale? {
    if unit == "bit" { return Scale(1, divisor: 8) }
    guard let exponent = exponent(of: unit), unit.dropFirst() == "bit" else { return nil }
    return Scale(power(1000, exponent), divisor: 8)
  }

  private static func exponent(of unit: String) -> Int? {
    guard let letter = unit.first else { return nil }
    return ["k", "m", "g", "t", "p"].firstIndex(of: letter.lowercased()).map { $0 + 1 }
  }

  private static func power(_ base: UInt128, _ exponent: Int) -> UInt128 {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }

  private static func unknownUnit(_ unit: String, in text: String, isRate: Bool) -> UsageError {
    if unit == "b" || (exponent(of: unit) != nil && unit.dropFirst() == "b") {
      let prefix = unit.dropLast()
      return UsageError(
        "'\(text)' could mean bits or bytes",
        hint: "write the unit out: \(prefix)\(isRate ? "bit" : "iB") or \(prefix)B")
    }
    let units = "K, M, G, T (by 1024) or kB, MB, GB, TB (by 1000)"
    return UsageError(
      "'\(text)' has no unit that is known",
      hint: isRate ? "write \(units), or kbit, Mbit, Gbit" : "write \(units)")
  }
}
