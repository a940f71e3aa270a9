// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Copying whole groups, which are found by a digest of their own.
extension PageMover {
  /// A group as it was read.
  struct GroupCopy {
    var digest: Digest
    /// A bit for each of its pages.
    var zeroPages: UInt16
  }

  /// Whether so many pages can be there.
  func isUsable(_ location: PageLocation, pageCount: Int) -> Bool {
    location.moved(by: pageCount - 1).map { isUsable($0) } ?? false
  }

  /// Reads and hashes groups that lie one behind the other, no more than a segment has.
  func readGroups(_ count: Int, from location: PageLocation) throws(StorageError) -> [GroupCopy] {
    let pageCount = count * Geometry.pagesPerGroup
    try unsafe read(from: location, count: pageCount, into: slots(0..<pageCount))
    let digests = unsafe PageHasher.digests(
      ofWholePagesIn: UnsafeRawBufferPointer(slots(0..<pageCount)))
    let zero = ZeroDigests.page()
    return (0..<count).map { group in
      let first = group * Geometry.pagesPerGroup
      let pages = digests[first..<first + Geometry.pagesPerGroup]
      var zeroPages: UInt16 = 0
      for (bit, digest) in pages.enumerated() where digest == zero { zeroPages |= 1 << bit }
      return GroupCopy(digest: SegmentDigests.group(pages), zeroPages: zeroPages)
    }
  }

  /// Writes some of the pages that were read last; the first of these goes to `page`.
  func write(_ pages: PageSet, to page: Int) throws(StorageError) {
    if isDryRun { return }
    for run in pages.runs {
      let offset = UInt64(page + run.lowerBound) * UInt64(Geometry.pageByteCount)
      try unsafe target.write(UnsafeRawBufferPointer(slots(run)), at: offset)
    }
  }
}
