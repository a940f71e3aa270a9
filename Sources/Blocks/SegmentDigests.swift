// SPDX-License-Identifier: Apache-2.0

/// What hashing one segment yields: the digests of its pages, of its groups and its own.
///
/// `SegmentHasher` makes the digests of the pages; then the groups are hashed, in lanes as well,
/// and the segment itself. The two arrays are all that is allocated, and nothing for zeros.
package struct SegmentDigests: Sendable {
  /// One for each page, 1 to 256; none when only the groups are remembered.
  package let pages: [Digest]
  /// One for each group, 1 to 16.
  package let groups: [Digest]
  /// The pages whose bytes are all zero.
  package let zeroPages: PageSet
  package let digest: Digest

  init(pages: [Digest], groups: [Digest], zeroPages: PageSet, pageCount: Int, digest: Digest) {
    self.pages = pages
    self.groups = groups
    self.zeroPages = zeroPages
    self.pageCount = pageCount
    self.digest = digest
  }

  init(pages: [Digest], groups: [Digest], zeroPages: PageSet, digest: Digest) {
    self.init(
      pages: pages, groups: groups, zeroPages: zeroPages, pageCount: pages.count, digest: digest)
  }

  /// How many pages the segment has.
  package let pageCount: Int

  /// Whether the digests of its pages are known.
  package var hasPages: Bool { !pages.isEmpty }

  /// Whether all bytes of the segment are zero.
  package var isZero: Bool { zeroPages.count == pageCount }

  /// The groups whose bytes are all zero.
  package var zeroGroups: GroupSet {
    let present = PageSet(firstPages: pageCount)
    return GroupSet(firstGroups: groups.count).subtracting(present.subtracting(zeroPages).groups)
  }

  /// Of a segment of which no more than this was kept.
  package static func remembered(
    groups: [Digest], zeroPages: PageSet, pageCount: Int
  ) -> SegmentDigests {
    SegmentDigests(
      pages: [], groups: groups, zeroPages: zeroPages, pageCount: pageCount,
      digest: segment(groups))
  }

  /// Hashes a segment of 1 byte to 1 MiB.
  @unsafe package static func hashing(_ bytes: UnsafeRawBufferPointer) -> SegmentDigests {
    var hasher = SegmentHasher(byteCount: bytes.count)
    unsafe hasher.append(bytes)
    return hasher.finish()
  }

  /// Makes the upper digests from those of the pages. They follow from `pages` alone, whatever
  /// `zeroPages` claims.
  package static func assembling(pages: [Digest], zeroPages: PageSet) -> SegmentDigests {
    precondition((1...Geometry.pagesPerSegment).contains(pages.count), "not a segment")
    let groupCount = (pages.count + Geometry.pagesPerGroup - 1) / Geometry.pagesPerGroup
    let groups = unsafe [Digest](unsafeUninitializedCapacity: groupCount) { result, count in
      unsafe pages.withUnsafeBufferPointer {
        unsafe hashGroups(of: $0, into: result.baseAddress!)
      }
      count = groupCount
    }
    let digest = NodeHasher.digest(ofNodeWith: groups.span, level: Geometry.segmentLevel)
    return SegmentDigests(pages: pages, groups: groups, zeroPages: zeroPages, digest: digest)
  }

  /// The digest of a segment from those of its groups.
  package static func segment(_ groups: [Digest]) -> Digest {
    NodeHasher.digest(ofNodeWith: groups.span, level: Geometry.segmentLevel)
  }

  /// The digest of one group from those of its 1 to 16 pages.
  package static func group(_ pages: ArraySlice<Digest>) -> Digest { group(pages.span) }

  /// The digest of one group from those of its 1 to 16 pages.
  package static func group(_ pages: Span<Digest>) -> Digest {
    precondition((1...Geometry.pagesPerGroup).contains(pages.count), "not a group")
    return NodeHasher.digest(ofNodeWith: pages, level: Geometry.groupLevel)
  }

  /// Fills in the digests of all groups.
  ///
  /// Those of the gathered groups first lie side by side at the front, as the kernel leaves
  /// them; then each is moved to its place, the last one first, so that none is overwritten
  /// before it has been moved.
  private static func hashGroups(
    of pages: UnsafeBufferPointer<Digest>, into result: UnsafeMutablePointer<Digest>
  ) {
    let wholeGroups = pages.count / Geometry.pagesPerGroup
    let zero = ZeroDigests.page()
    var zeroGroups = GroupSet()
    var gathered = LaneBatch()
    for group in 0..<wholeGroups {
      let first = unsafe pages.baseAddress! + group * Geometry.pagesPerGroup
      if (0..<Geometry.pagesPerGroup).allSatisfy({ unsafe first[$0] == zero }) {
        zeroGroups[group] = true
      } else {
        unsafe gathered.append(UnsafeRawPointer(first))
      }
    }
    unsafe gathered.hashNodes(level: Geometry.groupLevel, into: result)

    var hashed = gathered.count
    for group in stride(from: wholeGroups - 1, through: 0, by: -1) {
      if zeroGroups[group] {
        unsafe result[group] = ZeroDigests.group()
      } else {
        hashed -= 1
        unsafe result[group] = result[hashed]
      }
    }
    let rest = wholeGroups * Geometry.pagesPerGroup
    if rest < pages.count {
      unsafe result[wholeGroups] = group(
        UnsafeBufferPointer(rebasing: pages[rest...]).span)
    }
  }
}
