// SPDX-License-Identifier: Apache-2.0

/// Amounts of bytes in sentences: `12.5 MiB`.
enum Amount {
  private static let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]

  static func shown(_ byteCount: Double) -> String {
    var (value, unit) = (byteCount, 0)
    while value >= 1024 && unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    if unit == 0 { return "\(Int(value)) bytes" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }
}

/// Times in sentences: `35 ms`, `2.4 s`.
enum Duration {
  static func shown(_ seconds: Double) -> String {
    if seconds < 1 { return "\(Int((seconds * 1000).rounded())) ms" }
    let tenths = Int((seconds * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) s"
  }
}
