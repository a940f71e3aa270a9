// SPDX-License-Identifier: Apache-2.0

import Wire

/// Payloads written by hand, independently of the encoders, so that they can say what an
/// encoder never would.
struct PayloadBytes: Sendable {
  var bytes: [UInt8] = []

  func u8(_ value: Int) -> PayloadBytes { number(UInt64(value), 1) }
  func u16(_ value: Int) -> PayloadBytes { number(UInt64(value), 2) }
  func u32(_ value: Int) -> PayloadBytes { number(UInt64(value), 4) }
  func u64(_ value: UInt64) -> PayloadBytes { number(value, 8) }
  func zeros(_ count: Int) -> PayloadBytes { raw([UInt8](repeating: 0, count: count)) }

  func raw(_ more: [UInt8]) -> PayloadBytes { PayloadBytes(bytes: bytes + more) }

  /// Text of this many bytes after its count.
  func text(_ count: Int, _ byte: UInt8 = 0x61) -> PayloadBytes {
    u16(count).raw([UInt8](repeating: byte, count: count))
  }

  func text(_ text: String) -> PayloadBytes {
    u16(text.utf8.count).raw(Array(text.utf8))
  }

  private func number(_ value: UInt64, _ byteCount: Int) -> PayloadBytes {
    raw((0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) })
  }
}
