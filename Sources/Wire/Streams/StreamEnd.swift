// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// The last record of a stream, without which it is not complete: the image's digest, and what
/// stood before.
package struct StreamEnd: Equatable, Sendable {
  /// Of a delta the image that it makes.
  package var imageDigest: Digest
  /// Records before this one. Filled in by the writer, and held against what came by the reader.
  package var recordCount: UInt64
  /// Segments that were spoken of: by a manifest those that are not zero, by a delta those that
  /// are not the same.
  package var segmentCount: UInt64
  /// Bytes of pages that were in it, before compression.
  package var pageByteCount: UInt64

  package init(
    imageDigest: Digest, recordCount: UInt64 = 0, segmentCount: UInt64, pageByteCount: UInt64
  ) {
    self.imageDigest = imageDigest
    self.recordCount = recordCount
    self.segmentCount = segmentCount
    self.pageByteCount = pageByteCount
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    imageDigest = try reader.digest("image digest")
    recordCount = try reader.uint64("records")
    segmentCount = try reader.uint64("segments")
    pageByteCount = try reader.uint64("page bytes")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(imageDigest)
    writer.write(recordCount)
    writer.write(segmentCount)
    writer.write(pageByteCount)
  }
}
