// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Whole groups that a remembered seed holds: they are copied when the source announces them. The
/// target starts as zero then, so that nothing that is still needed can be overwritten.
extension TargetPass {
  /// What the target has in a segment when the groups that were found are in it, and how many
  /// pages that were; nil where none are looked for.
  func copyGroups(
    _ announced: GroupDigests
  ) throws(TransferError) -> (own: SegmentDigests, copiedPageCount: Int)? {
    guard let groupIndex else { return nil }
    let segment = announced.segment
    let zeros = ZeroDigests.segmentDigests(length: shape.segmentLength(segment))
    var (groups, zeroPages, copiedPageCount) = (zeros.groups, zeros.zeroPages, 0)
    do throws(StorageError) {
      for run in runs(of: announced, in: groupIndex) {
        try prepareToWrite()
        if !isDryRun { memory?.willChangeAll() }
        let page = firstPage(run.groups.lowerBound, segment)
        let copies = try mover.readGroups(run.groups.count, from: run.location, to: page)
        var good = PageSet()
        for (number, (group, copy)) in zip(run.groups, copies.groups).enumerated() {
          guard announced.digests.matches(copy.digest, at: announced.index(of: group)) else {
            continue
          }
          good[group: number] = ~copy.zeroPages
          groups[group] = copy.digest
          zeroPages[group: group] = copy.zeroPages
        }
        try mover.keep(good, of: copies, at: page)
        copiedPageCount += good.count
      }
    } catch {
      throw TransferError(.target, error)
    }
    let own = SegmentDigests.remembered(
      groups: groups, zeroPages: zeroPages, pageCount: shape.pageCount(inSegment: segment))
    return (own, copiedPageCount)
  }

  /// Neighbours that are neighbours in a seed.
  private struct Run {
    var groups: Range<Int>
    var location: PageLocation
  }

  private func runs(of announced: GroupDigests, in index: GroupIndex) -> [Run] {
    var runs: [Run] = []
    let wholeCount = shape.pageCount(inSegment: announced.segment) / Geometry.pagesPerGroup
    for (number, group) in announced.nonzeroGroups.enumerated() where group < wholeCount {
      guard let found = index.location(of: announced.digests.name(at: number)),
        mover.isUsable(found, pageCount: Geometry.pagesPerGroup)
      else { continue }
      if let last = runs.last, last.groups.upperBound == group,
        last.location.moved(by: last.groups.count * Geometry.pagesPerGroup) == found
      {
        runs[runs.count - 1].groups = last.groups.lowerBound..<group + 1
      } else {
        runs.append(Run(groups: group..<group + 1, location: found))
      }
    }
    return runs
  }

  private func firstPage(_ group: Int, _ segment: Int) -> Int {
    segment * Geometry.pagesPerSegment + group * Geometry.pagesPerGroup
  }
}

extension GroupDigests {
  /// Where the digest of a group that is not zero stands.
  fileprivate func index(of group: Int) -> Int {
    nonzeroGroups.intersection(GroupSet(firstGroups: group)).count
  }
}
