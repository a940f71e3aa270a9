// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// The digest of an image, for a client that asked for nothing else.
package struct ImageName: Equatable, Sendable {
  package var imageDigest: Digest
  package var byteCount: UInt64

  package init(imageDigest: Digest, byteCount: UInt64) {
    self.imageDigest = imageDigest
    self.byteCount = byteCount
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    imageDigest = try reader.digest("image digest")
    byteCount = try reader.imageByteCount("size")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(imageDigest)
    writer.write(byteCount)
  }
}
