// SPDX-License-Identifier: Apache-2.0

import Blocks
import CBlake2

/// What the definitions say, written as plainly as they can be, on top of libb2.
///
/// Nothing here is shared with what it checks: libb2 hashes, and trees are built level by
/// level from whole arrays.
enum Reference {
  static func blake2b(_ bytes: some Collection<UInt8>, personalisation: [UInt8]? = nil) -> [UInt8] {
    let message = Array(bytes)
    return message.withUnsafeBytes { blake2b($0, personalisation: personalisation) }
  }

  static func blake2b(
    _ message: UnsafeRawBufferPointer, personalisation: [UInt8]? = nil
  ) -> [UInt8] {
    var parameters = blake2b_param()
    parameters.digest_length = 32
    parameters.fanout = 1
    parameters.depth = 1
    if let personalisation {
      withUnsafeMutableBytes(of: &parameters.personal) { $0.copyBytes(from: personalisation) }
    }
    var state = blake2b_state()
    blake2b_init_param(&state, &parameters)
    // It takes no null pointer, not even for no bytes.
    if !message.isEmpty {
      let start = message.baseAddress!.assumingMemoryBound(to: UInt8.self)
      blake2b_update(&state, start, message.count)
    }
    var result = [UInt8](repeating: 0, count: 32)
    blake2b_final(&state, &result, 32)
    return result
  }

  static func nodePersonalisation(level: Int) -> [UInt8] {
    Array("blkmove node".utf8) + [UInt8(level), 0, 0, 0]
  }

  static func node(_ children: [Digest], level: Int) -> Digest {
    var bytes: [UInt8] = []
    for child in children { child.append(to: &bytes) }
    return Digest(bytes: blake2b(bytes, personalisation: nodePersonalisation(level: level)))
  }

  /// The parents of a whole level, the last one with what is left over.
  static func parents(_ children: [Digest], level: Int) -> [Digest] {
    stride(from: 0, to: children.count, by: 16).map { first in
      node(Array(children[first..<min(first + 16, children.count)]), level: level)
    }
  }

  static func pages(_ bytes: [UInt8]) -> [Digest] {
    stride(from: 0, to: bytes.count, by: 4096).map { first in
      Digest(bytes: blake2b(bytes[first..<min(first + 4096, bytes.count)]))
    }
  }

  /// The digest of an image from the digests of its segments.
  static func image(segments: [Digest], byteCount: UInt64) -> Digest {
    var nodes = segments.isEmpty ? [node([], level: 2)] : segments
    var level = 2
    while nodes.count > 1 {
      level += 1
      nodes = parents(nodes, level: level)
    }
    return image(root: nodes[0], byteCount: byteCount)
  }

  static func image(root: Digest, byteCount: UInt64) -> Digest {
    var bytes = (0..<8).map { UInt8(truncatingIfNeeded: byteCount >> UInt64(8 * $0)) }
    root.append(to: &bytes)
    return Digest(
      bytes: blake2b(bytes, personalisation: Array("blkmove image".utf8) + [0, 0, 0]))
  }

  /// The digest of an image whose segments are whole and zero but for those given.
  static func sparseImage(_ segments: [Int: Digest], shape: ImageShape) -> Digest {
    var zeros = [ZeroDigests.segment()]
    while zeros.count < 11 {
      let children = [Digest](repeating: zeros[zeros.count - 1], count: 16)
      zeros.append(node(children, level: zeros.count + 2))
    }
    var nodes = segments
    var count = shape.segmentCount
    var height = 0
    while count > 1 {
      let parents = Set(nodes.keys.map { $0 / 16 }).union([(count - 1) / 16])
      var above: [Int: Digest] = [:]
      for parent in parents {
        let children = (16 * parent..<min(16 * parent + 16, count))
          .map { nodes[$0] ?? zeros[height] }
        above[parent] = node(children, level: height + 3)
      }
      nodes = above
      count = (count + 15) / 16
      height += 1
    }
    return image(root: nodes[0]!, byteCount: shape.byteCount)
  }

  /// The digest of an image from its bytes.
  static func image(_ bytes: [UInt8]) -> Digest {
    let segments = parents(parents(pages(bytes), level: 1), level: 2)
    return image(segments: segments, byteCount: UInt64(bytes.count))
  }
}

extension Digest {
  init(bytes: [UInt8]) {
    precondition(bytes.count == Digest.byteCount)
    self = bytes.withUnsafeBytes { Digest(copying: $0.baseAddress!) }
  }
}
