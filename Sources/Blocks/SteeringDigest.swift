// SPDX-License-Identifier: Apache-2.0

/// The first 16 bytes of a digest: what travels where digests only steer the descent.
///
/// Two contents that differ have equal steering digests with a chance of 2^-128 each; still,
/// nothing is called equal until full digests have been compared.
package struct SteeringDigest: Hashable, Sendable, BitwiseCopyable {
  package static let byteCount = 16

  /// Bytes 0 to 7 as a little-endian integer.
  package let low: UInt64
  /// Bytes 8 to 15.
  package let high: UInt64

  package init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// From 16 bytes at any address.
  @unsafe package init(copying bytes: UnsafeRawPointer) {
    low = unsafe UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    high = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
  }

  package func append(to bytes: inout [UInt8]) {
    unsafe withUnsafeBytes(of: low.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    unsafe withUnsafeBytes(of: high.littleEndian) { unsafe bytes.append(contentsOf: $0) }
  }
}
