// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

extension ReadableImage {
  /// Reads pages of a segment one behind the other, neighbours at once.
  @unsafe func read(
    _ pages: PageSet, of segment: Int, shape: ImageShape,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(StorageError) {
    let first = segment * Geometry.pagesPerSegment
    var filled = 0
    for run in pages.runs {
      let start = shape.pageRange(first + run.lowerBound).lowerBound
      let end = shape.pageRange(first + run.upperBound - 1).upperBound
      let next = filled + Int(end - start)
      try unsafe read(
        into: UnsafeMutableRawBufferPointer(rebasing: bytes[filled..<next]), at: start)
      filled = next
    }
  }
}
