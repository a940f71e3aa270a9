// SPDX-License-Identifier: Apache-2.0

package import Blocks
package import Storage

/// Reads one segment at a time into a buffer of its own and hashes it there.
///
/// Holes inside the segment are not read. Used by one thread at a time.
package final class SegmentReader {
  private let image: any ReadableImage
  private let shape: ImageShape
  private let buffer = PageBuffer(byteCount: Geometry.segmentByteCount)
  /// Data is known to go on without a hole up to here, so that a dense image costs no
  /// question for each segment.
  private var dataRange: Range<UInt64> = 0..<0

  package init(image: any ReadableImage, shape: ImageShape) {
    self.image = image
    self.shape = shape
  }

  /// What is read and hashed at once: little enough to stay in the processor's own cache between
  /// the two, which a segment is too large for.
  private static let pieceByteCount: UInt64 = 256 << 10

  /// The digests of a segment, or nil when all of it is zero.
  package func digests(of segment: Int) throws(StorageError) -> SegmentDigests? {
    let range = shape.segmentRange(segment)
    var hasher = SegmentHasher(byteCount: shape.segmentLength(segment))
    var offset = range.lowerBound
    while offset < range.upperBound {
      let piece = offset..<min(offset + Self.pieceByteCount, range.upperBound)
      if try fill(with: piece) {
        unsafe hasher.append(UnsafeRawBufferPointer(part(piece, of: piece)))
      } else {
        hasher.append(zeros: Int(piece.upperBound - piece.lowerBound))
      }
      offset = piece.upperBound
    }
    return hasher.isZero ? nil : hasher.finish()
  }

  /// The same, where something is remembered: groups whose fingerprint is that of `record` keep
  /// the digest that it has for them. The digests of pages are then not known.
  func digests(
    of segment: Int, against record: ManifestRecord?, using secret: Fingerprinter
  ) throws(StorageError) -> (digests: SegmentDigests?, fingerprints: [Fingerprint]) {
    let range = shape.segmentRange(segment)
    var hasher = SegmentHasher(byteCount: shape.segmentLength(segment))
    var comparer = record.map { GroupComparer($0) }
    var fingerprints: [Fingerprint] = []
    var offset = range.lowerBound
    while offset < range.upperBound {
      let piece = offset..<min(offset + Self.pieceByteCount, range.upperBound)
      let isData = try fill(with: piece)
      let bytes = unsafe UnsafeRawBufferPointer(part(piece, of: piece))
      let found = unsafe secret.fingerprints(ofGroupsOf: bytes)
      fingerprints += found
      if comparer != nil {
        unsafe comparer!.append(bytes, found)
      } else if isData {
        unsafe hasher.append(bytes)
      } else {
        hasher.append(zeros: bytes.count)
      }
      offset = piece.upperBound
    }
    if let comparer {
      let digests = comparer.finish(pageCount: shape.pageCount(inSegment: segment))
      return (digests.isZero ? nil : digests, fingerprints)
    }
    return (hasher.isZero ? nil : hasher.finish(), fingerprints)
  }

  /// The digests of the pages of one group, as they are now.
  func pages(ofGroup group: Int, of segment: Int) throws(StorageError) -> [Digest] {
    let range = shape.segmentRange(segment)
    let start = range.lowerBound + UInt64(group * Geometry.groupByteCount)
    let piece = start..<min(start + UInt64(Geometry.groupByteCount), range.upperBound)
    _ = try fill(with: piece)
    return unsafe SegmentDigests.hashing(UnsafeRawBufferPointer(part(piece, of: piece))).pages
  }

  /// What `read` has read.
  @unsafe func bytes(of segment: Int) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[..<shape.segmentLength(segment)])
  }

  /// Fills the buffer with a segment; false when it is one hole.
  func read(_ segment: Int) throws(StorageError) -> Bool {
    try fill(with: shape.segmentRange(segment))
  }

  /// Puts a part of the image at the beginning of the buffer; false when it is one hole.
  private func fill(with range: Range<UInt64>) throws(StorageError) -> Bool {
    var offset = range.lowerBound
    var hasData = false
    while offset < range.upperBound {
      if !dataRange.contains(offset) {
        let extent = try image.extent(at: offset)
        if extent.isHole {
          let end = min(extent.range.upperBound, range.upperBound)
          let hole = unsafe part(offset..<end, of: range)
          unsafe hole.initializeMemory(as: UInt8.self, repeating: 0)
          offset = end
          continue
        }
        dataRange = extent.range
      }
      let end = min(dataRange.upperBound, range.upperBound)
      try unsafe image.read(into: part(offset..<end, of: range), at: offset)
      hasData = true
      offset = end
    }
    return hasData
  }

  @unsafe
  private func part(_ bytes: Range<UInt64>, of whole: Range<UInt64>)
    -> UnsafeMutableRawBufferPointer
  {
    let from = Int(bytes.lowerBound - whole.lowerBound)
    let to = Int(bytes.upperBound - whole.lowerBound)
    return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[from..<to])
  }
}
