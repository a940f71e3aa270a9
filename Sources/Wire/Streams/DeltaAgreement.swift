// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// What ends the outline of a delta: the digests of the image that it was made against and of the
/// one that it makes, and how many segments are not the same in both.
package struct DeltaAgreement: Equatable, Sendable {
  package var baseDigest: Digest
  package var imageDigest: Digest
  package var changedSegmentCount: UInt64

  package init(baseDigest: Digest, imageDigest: Digest, changedSegmentCount: UInt64) {
    self.baseDigest = baseDigest
    self.imageDigest = imageDigest
    self.changedSegmentCount = changedSegmentCount
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    baseDigest = try reader.digest("base digest")
    imageDigest = try reader.digest("image digest")
    changedSegmentCount = try reader.uint64("changed segments")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(baseDigest)
    writer.write(imageDigest)
    writer.write(changedSegmentCount)
  }
}
