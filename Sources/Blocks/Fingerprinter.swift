// SPDX-License-Identifier: Apache-2.0

import CXxhash

/// Makes fingerprints under one secret.
package struct Fingerprinter: Sendable {
  /// What XXH3 asks for at least is 136.
  package static let secretByteCount = 192

  private let secret: [UInt8]

  package init(secret: [UInt8]) {
    precondition(secret.count == Self.secretByteCount, "a secret has 192 bytes")
    self.secret = secret
  }

  @unsafe package func fingerprint(of bytes: UnsafeRawBufferPointer) -> Fingerprint {
    let hash = unsafe secret.withUnsafeBytes { secret in
      unsafe xxhash_128_with_secret(
        bytes.baseAddress, bytes.count, secret.baseAddress, secret.count)
    }
    return Fingerprint(low: hash.low64, high: hash.high64)
  }

  /// Of every group of a segment of 1 byte to 1 MiB.
  @unsafe package func fingerprints(ofGroupsOf segment: UnsafeRawBufferPointer) -> [Fingerprint] {
    stride(from: 0, to: segment.count, by: Geometry.groupByteCount).map { start in
      let end = min(start + Geometry.groupByteCount, segment.count)
      return unsafe fingerprint(of: UnsafeRawBufferPointer(rebasing: segment[start..<end]))
    }
  }
}
