// SPDX-License-Identifier: Apache-2.0

/// All geometry of one image, from its size.
///
/// Pages and segments are numbered from 0 in the order of their offsets. Only the last of
/// each may be short. An image of no bytes has no page and no segment.
package struct ImageShape: Hashable, Sendable {
  package let byteCount: UInt64

  /// Sizes that the world says must have been checked against
  /// `Geometry.maximumImageByteCount` by whoever read them.
  package init(byteCount: UInt64) {
    precondition(byteCount <= Geometry.maximumImageByteCount, "an image has at most 2^60 bytes")
    self.byteCount = byteCount
  }

  package var pageCount: Int { quotientRoundedUp(by: Geometry.pageByteCount) }

  package var segmentCount: Int { quotientRoundedUp(by: Geometry.segmentByteCount) }

  /// How many bytes a page has.
  package func pageLength(_ page: Int) -> Int {
    precondition(page >= 0 && page < pageCount, "the image has no such page")
    return lengthOfPiece(page, byteCount: Geometry.pageByteCount)
  }

  /// How many bytes a segment has.
  package func segmentLength(_ segment: Int) -> Int {
    precondition(segment >= 0 && segment < segmentCount, "the image has no such segment")
    return lengthOfPiece(segment, byteCount: Geometry.segmentByteCount)
  }

  /// How many pages a segment has: 256, or fewer in the last.
  package func pageCount(inSegment segment: Int) -> Int {
    let length = segmentLength(segment)
    return (length + Geometry.pageByteCount - 1) / Geometry.pageByteCount
  }

  /// How many groups a segment has: 16, or fewer in the last.
  package func groupCount(inSegment segment: Int) -> Int {
    let length = segmentLength(segment)
    return (length + Geometry.groupByteCount - 1) / Geometry.groupByteCount
  }

  /// Which bytes of the image a segment is.
  package func segmentRange(_ segment: Int) -> Range<UInt64> {
    let start = UInt64(segment) * UInt64(Geometry.segmentByteCount)
    return start..<start + UInt64(segmentLength(segment))
  }

  /// Which bytes of the image a page is.
  package func pageRange(_ page: Int) -> Range<UInt64> {
    let start = UInt64(page) * UInt64(Geometry.pageByteCount)
    return start..<start + UInt64(pageLength(page))
  }

  private func quotientRoundedUp(by pieceByteCount: Int) -> Int {
    Int((byteCount + UInt64(pieceByteCount) - 1) / UInt64(pieceByteCount))
  }

  private func lengthOfPiece(_ piece: Int, byteCount pieceByteCount: Int) -> Int {
    let start = UInt64(piece) * UInt64(pieceByteCount)
    return Int(min(UInt64(pieceByteCount), byteCount - start))
  }
}
