// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// What a comparison found, when nothing was to be changed.
package struct Verdict: Equatable, Sendable {
  /// Of the speaker's image.
  package var imageDigest: Digest
  package var isEqual: Bool
  /// Where the images differ first; nil when they are equal or it is not known.
  package var firstDifference: UInt64?
  /// How much differs, in whole pages or segments as far as was looked.
  package var differingByteCount: UInt64

  package init(
    imageDigest: Digest, isEqual: Bool, firstDifference: UInt64? = nil,
    differingByteCount: UInt64 = 0
  ) {
    self.imageDigest = imageDigest
    self.isEqual = isEqual
    self.firstDifference = firstDifference
    self.differingByteCount = differingByteCount
  }

  /// Stands for an offset that is not known.
  private static let noOffset = UInt64.max

  init(from reader: inout PayloadReader) throws(WireError) {
    imageDigest = try reader.digest("image digest")
    isEqual = try reader.boolean("equal")
    let offset = try reader.uint64("first difference")
    firstDifference = offset == Verdict.noOffset ? nil : offset
    differingByteCount = try reader.uint64("differing bytes")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(imageDigest)
    writer.write(isEqual)
    writer.write(firstDifference ?? Verdict.noOffset)
    writer.write(differingByteCount)
  }
}
