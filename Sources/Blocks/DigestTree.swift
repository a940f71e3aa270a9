// SPDX-License-Identifier: Apache-2.0

/// The digests of all segments of an image and of the nodes above them, kept so that the digest of
/// the image costs what was changed since it was last asked for, not what the image is.
///
/// Zeros are not kept: an image of holes takes nothing, a full one some 34 MiB a TiB.
package struct DigestTree: Sendable {
  package let shape: ImageShape
  /// By level, from segments up: the children of each node that is not all zero.
  private var families: [[Int: [Digest]]]
  /// Nodes above segments whose children were changed.
  private var stale: Set<Int> = []
  private var root: Digest

  /// Of zeros.
  package init(shape: ImageShape) {
    self.shape = shape
    var levelCount = 0
    var count = shape.segmentCount
    while count > 1 {
      count = Self.parentCount(count)
      levelCount += 1
    }
    families = .init(repeating: [:], count: max(levelCount, 1))
    var folder = TreeFolder(shape: shape)
    folder.appendZeroSegments(shape.segmentCount)
    root = folder.root()
  }

  private static func parentCount(_ count: Int) -> Int {
    (count + Geometry.fanOut - 1) / Geometry.fanOut
  }

  /// Says what a segment is; nil is zeros.
  package mutating func set(_ digest: Digest?, at segment: Int) {
    precondition(segment >= 0 && segment < shape.segmentCount, "the image has no such segment")
    let parent = segment / Geometry.fanOut
    if digest == nil, families[0][parent] == nil { return }
    let digest = digest ?? ZeroDigests.segment(length: shape.segmentLength(segment))
    put(digest, at: segment, level: 0)
    stale.insert(parent)
  }

  private mutating func put(_ digest: Digest, at node: Int, level: Int) {
    let parent = node / Geometry.fanOut
    if families[level][parent] == nil { families[level][parent] = zeroFamily(parent, level: level) }
    families[level][parent]![node % Geometry.fanOut] = digest
  }

  /// The digest of the image as it was described.
  package mutating func imageDigest() -> Digest {
    fold()
    return NodeHasher.digest(ofImageWith: root, byteCount: shape.byteCount)
  }

  private mutating func fold() {
    if stale.isEmpty { return }
    if shape.segmentCount == 1 {
      root = families[0][0]![0]
      stale = []
      return
    }
    for level in families.indices {
      var above: Set<Int> = []
      for node in stale {
        let children = families[level][node]!
        let digest = NodeHasher.digest(
          ofNodeWith: children.span, level: Geometry.segmentLevel + level + 1)
        if level + 1 == families.count {
          root = digest
        } else {
          put(digest, at: node, level: level + 1)
          above.insert(node / Geometry.fanOut)
        }
      }
      stale = above
    }
  }

  /// The children of a node, all of them zero: nodes of `level` above segments.
  private func zeroFamily(_ parent: Int, level: Int) -> [Digest] {
    var reach = 1
    for _ in 0..<level { reach *= Geometry.fanOut }
    let count = (shape.segmentCount + reach - 1) / reach
    let first = parent * Geometry.fanOut
    return (first..<min(first + Geometry.fanOut, count)).map { node in
      let segments = node * reach..<min((node + 1) * reach, shape.segmentCount)
      let length = shape.segmentRange(segments.upperBound - 1).upperBound
      if length - shape.segmentRange(segments.lowerBound).lowerBound
        == UInt64(reach) * UInt64(Geometry.segmentByteCount)
      {
        return ZeroDigests.node(level: Geometry.segmentLevel + level)
      }
      return zeroEdge(level: level)
    }
  }

  /// The last node of a level above segments, where it is short.
  private func zeroEdge(level: Int) -> Digest {
    if level == 0 {
      return ZeroDigests.segment(length: shape.segmentLength(shape.segmentCount - 1))
    }
    var count = shape.segmentCount
    for _ in 0..<level { count = Self.parentCount(count) }
    let children = zeroFamily(count - 1, level: level - 1)
    return NodeHasher.digest(ofNodeWith: children.span, level: Geometry.segmentLevel + level)
  }
}
