// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Walks a manifest stream in step with a scan, and holds it to what it promises: no gap, no
/// segment too many, and at its end the digest that follows from all that it said.
final class ManifestCursor {
  /// What is next in the image that the manifest is of.
  enum Piece {
    case zero(Int)
    /// One segment; a digest for each of its groups.
    case groups([Digest])
    /// The image has no such segments.
    case absent(Int)
  }

  let start: ManifestStart
  let shape: ImageShape
  private let input: StreamInput
  private var folder: TreeFolder
  private var items: ArraySlice<ManifestGroups.Item> = []
  /// What is left of the run of zeros that was begun.
  private var zeroCount = 0
  private var dataSegmentCount: UInt64 = 0

  init(_ bytes: ByteInput, counters: Counters) throws(TransferError) {
    input = StreamInput(bytes, .manifest, counters: counters)
    guard case .manifest(let start) = try input.next() else {
      throw input.error("does not begin with what it is of")
    }
    self.start = start
    shape = ImageShape(byteCount: start.imageByteCount)
    folder = TreeFolder(shape: shape)
  }

  /// The next piece, of one segment or of a run of at most so many.
  func take(atMost count: Int) throws(TransferError) -> Piece {
    if folder.segmentCount == shape.segmentCount { return .absent(count) }
    if zeroCount == 0 && items.isEmpty { try readItems() }
    if zeroCount == 0, case .zero(let zeros)? = items.first {
      zeroCount = zeros
      items.removeFirst()
    }
    if zeroCount > 0 {
      let taken = min(zeroCount, count)
      zeroCount -= taken
      folder.appendZeroSegments(taken)
      return .zero(taken)
    }
    guard case .groups(let present, let digests)? = items.popFirst() else {
      throw input.error("an item is missing")
    }
    let segment = folder.segmentCount
    let groups = shape.groups(of: segment, present, digests)
    folder.append(segment: SegmentDigests.segment(groups))
    dataSegmentCount += 1
    return .groups(groups)
  }

  /// Reads what is left, and gives the digest of the image.
  func finish() throws(TransferError) -> Digest {
    while folder.segmentCount < shape.segmentCount { _ = try take(atMost: Int.max) }
    guard case .end(let end) = try input.next() else {
      throw input.error("goes on behind the end of its image")
    }
    let digest = folder.finish()
    guard end.imageDigest == digest, end.segmentCount == dataSegmentCount,
      end.pageByteCount == 0
    else {
      throw input.error("does not have the digest and the counts that it says it has")
    }
    try input.finish()
    return digest
  }

  private func readItems() throws(TransferError) {
    guard case .groups(let groups) = try input.next() else {
      throw input.error("ends before its image does")
    }
    guard groups.first == folder.segmentCount else {
      throw input.error("has a gap at segment \(folder.segmentCount)")
    }
    items = groups.items[...]
  }
}

extension ImageShape {
  /// The digests of all groups of a segment, where those of zero groups are left out.
  func groups(of segment: Int, _ present: GroupSet, _ digests: [Digest]) -> [Digest] {
    var rest = digests[...]
    return (0..<groupCount(inSegment: segment)).map { group in
      if present[group], let digest = rest.popFirst() { return digest }
      return ZeroDigests.group(length: groupLength(group, of: segment))
    }
  }

  func groupLength(_ group: Int, of segment: Int) -> Int {
    min(Geometry.groupByteCount, segmentLength(segment) - group * Geometry.groupByteCount)
  }
}
