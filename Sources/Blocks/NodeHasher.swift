// SPDX-License-Identifier: Apache-2.0

internal import CLanes

/// Digests of the nodes of the tree, and of whole images.
///
/// A node's digest is BLAKE2b-256 over the concatenated digests of its 1 to 16 children, with
/// the 16-byte personalisation `blkmove node` and the level as a 32-bit little-endian integer.
/// A node can therefore not be mistaken for a page, nor for a node of another level.
enum NodeHasher {
  /// The 16 bytes that make one use of the hash function differ from every other.
  private struct Personalisation {
    let low: UInt64
    let high: UInt64

    /// Bytes 0 to 7, then 8 to 15, of the 12 bytes `blkmove node` and the level.
    static func node(level: Int) -> Personalisation {
      Personalisation(
        low: 0x2065_766f_6d6b_6c62, high: 0x6564_6f6e | UInt64(UInt32(level)) << 32)
    }

    /// The 13 bytes `blkmove image`, then zeros.
    static let image = Personalisation(low: 0x2065_766f_6d6b_6c62, high: 0x65_6761_6d69)

    /// The bytes as they lie in memory on any machine.
    var bytes: (UInt64, UInt64) { (low.littleEndian, high.littleEndian) }
  }

  /// The digest of one node. Only the node of an image that has no bytes has no children.
  static func digest(ofNodeWith children: Span<Digest>, level: Int) -> Digest {
    precondition(children.count <= Geometry.fanOut, "a node has at most 16 children")
    return unsafe children.withUnsafeBytes { bytes in
      unsafe digest(of: bytes, personalisation: .node(level: level))
    }
  }

  /// Digests of nodes that all have 16 children, `children` naming the first child of each.
  static func digests(
    ofFullNodesWith children: UnsafeBufferPointer<UnsafeRawPointer?>, level: Int,
    into result: UnsafeMutablePointer<Digest>
  ) {
    guard let first = children.baseAddress, children.count > 0 else { return }
    let personalisation = Personalisation.node(level: level).bytes
    unsafe withUnsafeBytes(of: personalisation) { bytes in
      unsafe lanes_digest(
        first, children.count, Geometry.fanOut * Digest.byteCount, bytes.baseAddress!, result)
    }
  }

  /// The digest of an image: over its size as a 64-bit little-endian integer and its root.
  static func digest(ofImageWith root: Digest, byteCount: UInt64) -> Digest {
    var message: [UInt8] = []
    message.reserveCapacity(8 + Digest.byteCount)
    unsafe withUnsafeBytes(of: byteCount.littleEndian) { unsafe message.append(contentsOf: $0) }
    root.append(to: &message)
    return unsafe message.withUnsafeBytes { unsafe digest(of: $0, personalisation: .image) }
  }

  private static func digest(
    of bytes: UnsafeRawBufferPointer, personalisation: Personalisation
  ) -> Digest {
    var result = Digest(0, 0, 0, 0)
    unsafe withUnsafeBytes(of: personalisation.bytes) { personalisation in
      // The personalisation stands in for a message without bytes, which has no address.
      var message = unsafe bytes.baseAddress ?? personalisation.baseAddress
      unsafe lanes_digest(&message, 1, bytes.count, personalisation.baseAddress!, &result)
    }
    return result
  }
}
