// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// The source has read its whole image and announced all of it.
package struct Scanned: Equatable, Sendable {
  package var imageDigest: Digest
  package var scannedByteCount: UInt64
  /// How much of that is zero, holes included.
  package var zeroByteCount: UInt64

  package init(imageDigest: Digest, scannedByteCount: UInt64, zeroByteCount: UInt64) {
    self.imageDigest = imageDigest
    self.scannedByteCount = scannedByteCount
    self.zeroByteCount = zeroByteCount
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    imageDigest = try reader.digest("image digest")
    scannedByteCount = try reader.uint64("scanned bytes")
    zeroByteCount = try reader.uint64("zero bytes")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(imageDigest)
    writer.write(scannedByteCount)
    writer.write(zeroByteCount)
  }
}
