// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// A segment in which the source announced something other than what the target had, from the
/// announcement until its last page is settled.
///
/// It keeps digests only for the groups that differ: what the target has, then for an open
/// page the name that it must get, at last the digest of what it got.
///
/// Used by the engine's thread only.
final class SegmentRecord {
  let segment: Int
  /// Of pages that do not exist, past the end of the image, nothing is ever said.
  let existingPages: PageSet
  /// What the source announced for the groups, where it did.
  private let expectedGroups: GroupDigests?
  private(set) var listedGroups: GroupSet
  private var groups: [Digest]
  private var digests: [Digest]
  /// Zero as far as is settled; open pages are not in it.
  private(set) var zeroPages: PageSet
  private(set) var openPages = PageSet()
  /// Have content now and will be zero.
  private(set) var pagesToZero = PageSet()
  /// Open pages that the source was asked for.
  private(set) var askedPages = PageSet()
  /// Whether the source still has to name the pages of the groups that differ.
  private(set) var awaitsNames: Bool
  /// What its names cost while they are open, for the account that both ends keep.
  private(set) var openCost = 0
  private var changedByteCount = 0
  /// Some page did not turn out as announced; the segment's digest is not known.
  private(set) var isUnsettled = false

  /// Of a segment that the source names unasked. Where the target is zero already it is enough
  /// to keep the groups that the source has something in.
  convenience init(
    segment: Int, shape: ImageShape, own: SegmentDigests?, named groups: GroupSet,
    pagesOf finder: PagesOfGroup = SegmentRecord.noPages
  ) throws(TransferError) {
    try self.init(
      segment: segment, shape: shape, own: own, expectedGroups: nil,
      listed: own == nil ? groups : nil, pagesOf: finder)
  }

  /// Finds the digests of the pages of a group whose own digest is remembered.
  typealias PagesOfGroup = (
    _ group: Int, _ segment: Int, _ remembered: Digest
  ) throws(TransferError) -> [Digest]

  static func noPages(_: Int, _: Int, _: Digest) throws(TransferError) -> [Digest] { [] }

  /// `own` is what the target has there; nil for zeros. `finder` is asked where it has no pages.
  init(
    segment: Int, shape: ImageShape, own: SegmentDigests?, expectedGroups: GroupDigests?,
    listed givenGroups: GroupSet? = nil, pagesOf finder: PagesOfGroup = SegmentRecord.noPages
  ) throws(TransferError) {
    let own = own ?? ZeroDigests.segmentDigests(length: shape.segmentLength(segment))
    self.segment = segment
    self.expectedGroups = expectedGroups
    existingPages = PageSet(firstPages: own.pageCount)
    groups = own.groups
    zeroPages = own.zeroPages
    let listed =
      expectedGroups.map { Self.differingGroups($0, own: own) }
      ?? givenGroups ?? GroupSet(firstGroups: own.groups.count)
    listedGroups = listed
    awaitsNames = !listed.isEmpty
    digests = []
    for group in listed {
      if own.hasPages {
        let first = group * Geometry.pagesPerGroup
        digests += own.pages[first..<min(first + Geometry.pagesPerGroup, own.pages.count)]
      } else {
        digests += try finder(group, segment, own.groups[group])
      }
    }
  }

  /// What the segment is, once it is closed.
  var summary: SegmentDigests {
    .remembered(groups: groups, zeroPages: zeroPages, pageCount: existingPages.count)
  }

  private static func differingGroups(_ theirs: GroupDigests, own: SegmentDigests) -> GroupSet {
    var result = GroupSet()
    var index = 0
    for group in 0..<own.groups.count {
      if theirs.nonzeroGroups[group] {
        result[group] = !theirs.digests.matches(own.groups[group], at: index)
        index += 1
      } else {
        result[group] = !own.zeroGroups[group]
      }
    }
    return result
  }

  private func slot(of page: Int) -> Int {
    let group = page / Geometry.pagesPerGroup
    let below = GroupSet(firstGroups: group).intersection(listedGroups)
    return below.count * Geometry.pagesPerGroup + page % Geometry.pagesPerGroup
  }

  /// The digest, or for an open page the name, of a page in a listed group.
  subscript(page: Int) -> Digest { digests[slot(of: page)] }
}

// MARK: - What happens to its pages

extension SegmentRecord {
  /// Takes the names that the source gave: pages that are equal stay, zeros and the rest are
  /// put down.
  func take(_ names: PageNames, shape: ImageShape) {
    awaitsNames = false
    openCost = names.openCost
    let named = existingPages.intersection(PageSet(pagesOf: listedGroups))
    pagesToZero = named.subtracting(names.nonzeroPages).subtracting(zeroPages)
    var (open, index) = (PageSet(), 0)
    update { digests in
      for page in named.intersection(names.nonzeroPages) {
        let slot = slot(of: page)
        if zeroPages[page] || !names.names.matches(digests[slot], at: index) {
          open[page] = true
          digests[slot] = names.names.padded(at: index)
        }
        index += 1
      }
    }
    openPages = open
    zeroPages = zeroPages.subtracting(open)
    changedByteCount += shape.byteCount(of: open, inSegment: segment)
  }

  /// Groups that are as announced now were not before.
  func noteCopied(_ byteCount: Int) { changedByteCount += byteCount }

  func ask(_ pages: PageSet) {
    askedPages = askedPages.union(pages)
  }

  func settle(_ page: Int, as digest: Digest) {
    settle(PageSet(only: page), among: PageSet(only: page), as: [digest])
  }

  /// `digests` are those of all of `all`, in their order.
  func settle(_ pages: PageSet, among all: PageSet, as new: ArraySlice<Digest>) {
    openPages = openPages.subtracting(pages)
    askedPages = askedPages.subtracting(pages)
    update { digests in
      for (page, digest) in zip(all, new) where pages[page] { digests[slot(of: page)] = digest }
    }
  }

  /// What came for these pages is not what was announced.
  func leaveUnsettled(_ pages: PageSet) {
    if pages.isEmpty { return }
    openPages = openPages.subtracting(pages)
    askedPages = askedPages.subtracting(pages)
    isUnsettled = true
  }

  /// Many at once: each access to what a class holds is checked.
  private func update(_ body: (inout [Digest]) -> Void) { body(&digests) }

  func zerosWritten(shape: ImageShape) {
    for page in pagesToZero {
      let length = shape.pageLength(segment * Geometry.pagesPerSegment + page)
      zeroPages[page] = true
      digests[slot(of: page)] = ZeroDigests.page(length: length)
    }
    pagesToZero = PageSet()
  }

  var isSettled: Bool { !awaitsNames && openPages.isEmpty && pagesToZero.isEmpty }

  /// What the segment is now, and whether that is what the source announced. If not, its
  /// digest is not known.
  func close(shape: ImageShape) -> (entry: Ledger.Entry, isAsAnnounced: Bool) {
    var entry = Ledger.Entry(
      digest: Self.unknown, zeroByteCount: shape.byteCount(of: zeroPages, inSegment: segment),
      changedByteCount: changedByteCount)
    if isUnsettled { return (entry, false) }
    for group in listedGroups {
      let first = slot(of: group * Geometry.pagesPerGroup)
      let count = existingPages.intersection(PageSet(pagesOf: GroupSet(only: group))).count
      groups[group] = SegmentDigests.group(digests[first..<first + count])
    }
    if let expectedGroups, !agrees(with: expectedGroups) { return (entry, false) }
    entry.digest = SegmentDigests.segment(groups)
    return (entry, true)
  }

  private static let unknown = Digest(0, 0, 0, 0)

  private func agrees(with expected: GroupDigests) -> Bool {
    var index = 0
    for group in 0..<groups.count where expected.nonzeroGroups[group] {
      if !expected.digests.matches(groups[group], at: index) { return false }
      index += 1
    }
    return true
  }
}

extension GroupSet {
  init(only group: Int) {
    self.init()
    self[group] = true
  }
}

extension NameList {
  /// The name at `index` as a digest whose unknown part is zero.
  func padded(at index: Int) -> Digest {
    switch self {
    case .short(let names): Digest(names[index], 0, 0, 0)
    case .full(let digests): digests[index]
    }
  }
}

extension DigestWidth {
  /// Whether `digest` bears a name that was kept by `padded`.
  func matches(_ digest: Digest, _ name: Digest) -> Bool {
    switch self {
    case .short: digest.name == name.name
    case .full: digest == name
    }
  }
}
