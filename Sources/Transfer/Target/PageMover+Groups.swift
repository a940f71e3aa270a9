// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Copying whole groups, which are found by a digest of their own, or sharing their blocks. The
/// target is zero where they go.
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

  /// Groups that lie one behind the other.
  struct GroupCopies {
    var groups: [GroupCopy]
    /// They are in the target already, whatever they are.
    var isShared: Bool
  }

  /// Reads and hashes groups that lie one behind the other, no more than a segment has; where that
  /// is possible they are shared first, from the page `page` on, and then read in the target.
  func readGroups(
    _ count: Int, from location: PageLocation, to page: Int
  ) throws(StorageError) -> GroupCopies {
    let pageCount = count * Geometry.pagesPerGroup
    let isShared = try share(pageCount, from: location, to: page)
    let place = isShared ? PageLocation(image: 0, page: page) : location
    try unsafe read(from: place, count: pageCount, into: slots(0..<pageCount))
    let digests = unsafe PageHasher.digests(
      ofWholePagesIn: UnsafeRawBufferPointer(slots(0..<pageCount)))
    let zero = ZeroDigests.page()
    let groups = (0..<count).map { group in
      let first = group * Geometry.pagesPerGroup
      let pages = digests[first..<first + Geometry.pagesPerGroup]
      var zeroPages: UInt16 = 0
      for (bit, digest) in pages.enumerated() where digest == zero { zeroPages |= 1 << bit }
      return GroupCopy(digest: SegmentDigests.group(pages), zeroPages: zeroPages)
    }
    return GroupCopies(groups: groups, isShared: isShared)
  }

  /// Puts the groups in their place of which `pages` has pages, and leaves zeros in that of the
  /// others.
  func keep(_ pages: PageSet, of copies: GroupCopies, at page: Int) throws(StorageError) {
    if isDryRun { return }
    guard copies.isShared else { return try write(pages, to: page) }
    for group in copies.groups.indices where pages[group: group] == 0 {
      let start = UInt64(page + group * Geometry.pagesPerGroup) * UInt64(Geometry.pageByteCount)
      try target.zero(start..<start + UInt64(Geometry.groupByteCount))
    }
  }

  /// Writes some of the pages that were read last; the first of these goes to `page`.
  private func write(_ pages: PageSet, to page: Int) throws(StorageError) {
    for run in pages.runs {
      let offset = UInt64(page + run.lowerBound) * UInt64(Geometry.pageByteCount)
      try unsafe target.write(UnsafeRawBufferPointer(slots(run)), at: offset)
    }
  }
}
