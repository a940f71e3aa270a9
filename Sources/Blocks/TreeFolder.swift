// SPDX-License-Identifier: Apache-2.0

/// Folds the digests of an image's segments, in their order, into the digest of the image.
///
/// It keeps at most 15 digests a level. A run of zero segments is taken in whole nodes, so
/// that its length hardly matters: that of the largest image takes no longer than any other.
package struct TreeFolder: Sendable {
  package let shape: ImageShape
  /// How many segments have been taken.
  package private(set) var segmentCount = 0
  /// By level, from segments up: nodes that wait until their parent has all its children.
  private var waiting: [[Digest]]

  package init(shape: ImageShape) {
    self.shape = shape
    var reach = 1
    waiting = [[]]
    while reach < shape.segmentCount {
      reach *= Geometry.fanOut
      waiting.append([])
    }
    for level in waiting.indices { waiting[level].reserveCapacity(Geometry.fanOut) }
  }

  /// Takes the digest of the next segment.
  package mutating func append(segment digest: Digest) {
    precondition(segmentCount < shape.segmentCount, "the image has no further segment")
    segmentCount += 1
    append(digest, at: 0)
  }

  /// Takes a run of segments that are all zero, the image's short last one included.
  package mutating func appendZeroSegments(_ count: Int) {
    precondition(
      count >= 0 && count <= shape.segmentCount - segmentCount, "the image has not so many")
    guard count > 0 else { return }
    let last = shape.segmentCount - 1
    let length = shape.segmentLength(last)
    if segmentCount + count - 1 == last && length < Geometry.segmentByteCount {
      appendWholeZeroSegments(count - 1)
      append(segment: ZeroDigests.segment(length: length))
    } else {
      appendWholeZeroSegments(count)
    }
  }

  /// The digest of the image. All segments must have been taken.
  package consuming func finish() -> Digest {
    let byteCount = shape.byteCount
    return NodeHasher.digest(ofImageWith: root(), byteCount: byteCount)
  }

  /// The digest of an image of which only an upper bound was known: it ends here, and all of its
  /// segments must have been taken, the short last one not as a run of zeros.
  package consuming func finish(byteCount: UInt64) -> Digest {
    let actual = ImageShape(byteCount: byteCount)
    precondition(segmentCount == actual.segmentCount, "segments are missing")
    guard segmentCount > 0 else { return TreeFolder(shape: actual).finish() }
    var top = 0
    var reach = 1
    while reach < segmentCount {
      reach *= Geometry.fanOut
      top += 1
    }
    for level in 0..<top where !waiting[level].isEmpty { fold(level) }
    return NodeHasher.digest(ofImageWith: waiting[top][0], byteCount: byteCount)
  }

  /// The digest of the tree alone. All segments must have been taken.
  package consuming func root() -> Digest {
    precondition(segmentCount == shape.segmentCount, "segments are missing")
    if segmentCount == 0 {
      let children: [Digest] = []
      return NodeHasher.digest(ofNodeWith: children.span, level: Geometry.segmentLevel)
    }
    let top = waiting.count - 1
    for level in 0..<top where !waiting[level].isEmpty { fold(level) }
    return waiting[top][0]
  }

  /// Takes the largest nodes that begin here and lie within the run, one after the other.
  private mutating func appendWholeZeroSegments(_ count: Int) {
    var rest = count
    while rest > 0 {
      var level = 0
      var reach = 1
      while level < waiting.count - 1 && waiting[level].isEmpty
        && rest >= reach * Geometry.fanOut
      {
        level += 1
        reach *= Geometry.fanOut
      }
      segmentCount += reach
      rest -= reach
      append(ZeroDigests.node(level: Geometry.segmentLevel + level), at: level)
    }
  }

  private mutating func append(_ digest: Digest, at level: Int) {
    waiting[level].append(digest)
    if waiting[level].count == Geometry.fanOut { fold(level) }
  }

  /// Makes one node of what waits at a level.
  private mutating func fold(_ level: Int) {
    let children = waiting[level]
    let node = NodeHasher.digest(
      ofNodeWith: children.span, level: Geometry.segmentLevel + level + 1)
    waiting[level].removeAll(keepingCapacity: true)
    append(node, at: level + 1)
  }
}
