// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Runs of pages whose blocks the target can share with the file in which they were found, so that
/// they take no space and are not written.
///
/// Another program may change a seed at any moment. So a run is shared first, and only then read
/// and hashed, in the target: what was in the seed when it was looked at counts for nothing.
extension PageMover {
  /// Sharing has a price for each run: a shorter one is copied in half the time, and would cut the
  /// file into pieces.
  static let leastClonedPageCount = 16

  /// The runs of a batch that are to be cloned, as positions in it: neighbours here that are
  /// neighbours where they were found.
  func runsToClone(in moves: [Move]) -> [Range<Int>] {
    guard let unit = clonablePageCount, moves.count >= Self.leastClonedPageCount else { return [] }
    var runs: [Range<Int>] = []
    var start = 0
    while start < moves.count {
      var end = start + 1
      while end < moves.count, follows(moves[end], moves[start], by: end - start) { end += 1 }
      let run = aligned(start..<end, of: moves, to: unit)
      if run.count >= Self.leastClonedPageCount, mayClone(run, of: moves) { runs.append(run) }
      start = end
    }
    return runs
  }

  private func follows(_ move: Move, _ first: Move, by distance: Int) -> Bool {
    move.page == first.page + distance && move.from == first.from.moved(by: distance)
  }

  /// What is left of a run when both of its places begin and end with whole blocks.
  private func aligned(_ run: Range<Int>, of moves: [Move], to unit: Int) -> Range<Int> {
    let first = moves[run.lowerBound]
    guard (first.page - first.from.page) % unit == 0 else { return run.lowerBound..<run.lowerBound }
    let start = run.lowerBound + (unit - first.page % unit) % unit
    let end = start + max(run.upperBound - start, 0) / unit * unit
    return start..<end
  }

  /// A run within the target is left alone when something of it is overwritten by this batch: all
  /// of that has to be read before.
  private func mayClone(_ run: Range<Int>, of moves: [Move]) -> Bool {
    let first = moves[run.lowerBound]
    guard mayCloneFrom[first.from.image] else { return false }
    if run.contains(where: { isKept(moves[$0]) }) { return false }
    if first.from.image != 0 { return true }
    let sources = first.from.page..<first.from.page + run.count
    return !moves.contains { sources.contains($0.page) }
  }

  /// Makes the target share pages with another image; false when they are not whole blocks, or
  /// the image cannot share its blocks, which is then not tried again.
  func share(
    _ pageCount: Int, from location: PageLocation, to page: Int
  ) throws(StorageError) -> Bool {
    let image = location.image
    guard let unit = clonablePageCount, mayCloneFrom[image],
      [page, location.page, pageCount].allSatisfy({ $0 % unit == 0 })
    else { return false }
    let size = UInt64(Geometry.pageByteCount)
    let start = UInt64(page) * size
    mayCloneFrom[image] = try target.clone(
      start..<start + UInt64(pageCount) * size, from: images[image],
      at: UInt64(location.page) * size)
    return mayCloneFrom[image]
  }
}
