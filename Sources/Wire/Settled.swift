// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// The target has dealt with everything of this pass, and says what it holds now.
package struct Settled: Equatable, Sendable {
  package var imageDigest: Digest
  /// Pages whose data did not bear the name that was announced: the source changed meanwhile.
  package var unsettledPageCount: UInt64

  package init(imageDigest: Digest, unsettledPageCount: UInt64) {
    self.imageDigest = imageDigest
    self.unsettledPageCount = unsettledPageCount
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    imageDigest = try reader.digest("image digest")
    unsettledPageCount = try reader.uint64("unsettled pages")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(imageDigest)
    writer.write(unsettledPageCount)
  }
}
