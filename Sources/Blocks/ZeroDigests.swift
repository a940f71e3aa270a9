// SPDX-License-Identifier: Apache-2.0

/// Digests of what is all zero, so that zeros need never be hashed.
///
/// Those of whole pages, groups, segments and larger nodes are made once. The last page and
/// the nodes above it may be short; theirs cost one small hash each, once an image.
package enum ZeroDigests {
  /// Whole nodes by level: a page, a group, a segment, 16 MiB ... Ten levels above a segment
  /// hold the largest image there may be.
  private static let wholeNodes: [Digest] = {
    var nodes = [digestOfShortPage(length: Geometry.pageByteCount)]
    for level in 1...12 {
      let children = [Digest](repeating: nodes[level - 1], count: Geometry.fanOut)
      nodes.append(NodeHasher.digest(ofNodeWith: children.span, level: level))
    }
    return nodes
  }()

  private static let wholeSegment = SegmentDigests(
    pages: [Digest](repeating: node(level: 0), count: Geometry.pagesPerSegment),
    groups: [Digest](repeating: node(level: 1), count: Geometry.groupsPerSegment),
    zeroPages: PageSet(firstPages: Geometry.pagesPerSegment),
    digest: node(level: Geometry.segmentLevel))

  /// A whole node of a level: 0 is a page, 1 a group, 2 a segment.
  package static func node(level: Int) -> Digest { wholeNodes[level] }

  /// A page of 1 to 4096 zeros.
  package static func page(length: Int = Geometry.pageByteCount) -> Digest {
    precondition((1...Geometry.pageByteCount).contains(length), "a page has 1 to 4096 bytes")
    return length == Geometry.pageByteCount ? node(level: 0) : digestOfShortPage(length: length)
  }

  /// A group of 1 to 65,536 zeros.
  package static func group(length: Int = Geometry.groupByteCount) -> Digest {
    precondition((1...Geometry.groupByteCount).contains(length), "a group has 1 to 65536 bytes")
    guard length < Geometry.groupByteCount else { return node(level: 1) }
    return SegmentDigests.group(pages(length: length)[...])
  }

  /// A segment of 1 byte to 1 MiB of zeros.
  package static func segment(length: Int = Geometry.segmentByteCount) -> Digest {
    precondition((1...Geometry.segmentByteCount).contains(length), "a segment has up to 1 MiB")
    guard length < Geometry.segmentByteCount else { return node(level: Geometry.segmentLevel) }
    return segmentDigests(length: length).digest
  }

  /// All that hashing such a segment would yield.
  package static func segmentDigests(
    length: Int = Geometry.segmentByteCount
  ) -> SegmentDigests {
    precondition((1...Geometry.segmentByteCount).contains(length), "a segment has up to 1 MiB")
    guard length < Geometry.segmentByteCount else { return wholeSegment }
    let pages = pages(length: length)
    return .assembling(pages: pages, zeroPages: PageSet(firstPages: pages.count))
  }

  private static func pages(length: Int) -> [Digest] {
    var pages = [Digest](repeating: node(level: 0), count: length / Geometry.pageByteCount)
    let rest = length % Geometry.pageByteCount
    if rest > 0 { pages.append(digestOfShortPage(length: rest)) }
    return pages
  }

  private static func digestOfShortPage(length: Int) -> Digest {
    let zeros = [UInt8](repeating: 0, count: length)
    return unsafe zeros.withUnsafeBytes { unsafe PageHasher.digest(of: $0) }
  }
}
