// SPDX-License-Identifier: Apache-2.0

/// Amounts and positions in error sentences: exact always, and short where the number is round.
package enum ByteText {
  private static let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

  /// `1 MiB`, `513 bytes`.
  package static func amount(_ byteCount: UInt64) -> String {
    rounded(byteCount) ?? (byteCount == 1 ? "1 byte" : "\(byteCount) bytes")
  }

  /// `4 GiB`, `byte 1000`, `0`.
  package static func position(_ offset: UInt64) -> String {
    offset == 0 ? "0" : rounded(offset) ?? "byte \(offset)"
  }

  /// The number in the largest unit that divides it, or nil when none does.
  private static func rounded(_ number: UInt64) -> String? {
    var value = number
    var name: String?
    for unit in units where value != 0 && value % 1024 == 0 {
      value /= 1024
      name = unit
    }
    return name.map { "\(value) \($0)" }
  }
}
