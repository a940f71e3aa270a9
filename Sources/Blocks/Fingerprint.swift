// SPDX-License-Identifier: Apache-2.0

/// 128 bits of XXH3 over the bytes of a group: whether they are those that were hashed before.
///
/// Several times faster than a digest, and no digest: whoever knows the secret can make other
/// bytes with the same fingerprint. It never leaves the machine whose bytes it is of.
package struct Fingerprint: Hashable, Sendable, BitwiseCopyable {
  package static let byteCount = 16

  package let low: UInt64
  package let high: UInt64

  package init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// Of bytes that nobody has looked at.
  package static let unknown = Fingerprint(low: 0, high: 0)
}
