// SPDX-License-Identifier: Apache-2.0

import Blocks

/// What ties every record of a stream to all that stood before it: the first 16 bytes of a digest
/// that goes from record to record.
///
/// So a record that was altered, left out, repeated or moved is refused where it stands, before
/// anybody acts on it. It is no signature: who can write a stream can seal it.
struct StreamSeal: Sendable {
  static let byteCount = 16

  private var state: Digest

  init(_ kind: StreamKind) {
    state = StreamSeal.digest(of: kind.magic)
  }

  /// The seal of the next record.
  mutating func advance(type: UInt8, body: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(2 * Digest.byteCount + 1)
    state.append(to: &bytes)
    bytes.append(type)
    StreamSeal.digest(of: body).append(to: &bytes)
    state = StreamSeal.digest(of: bytes)
    var seal: [UInt8] = []
    state.append(to: &seal, byteCount: StreamSeal.byteCount)
    return seal
  }

  private static func digest(of bytes: [UInt8]) -> Digest {
    unsafe bytes.withUnsafeBytes { unsafe PageHasher.digest(of: $0) }
  }
}
