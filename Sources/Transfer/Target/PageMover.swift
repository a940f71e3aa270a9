// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Copies pages that were found at the target's end to where they are needed.
///
/// What the index said of a page is a hint: every page is read and hashed here, now, and only
/// what bears the expected name is written. All reads of a batch come before its writes. Long runs
/// share the blocks of the file that they were found in, where that can be done.
///
/// Used by the engine's thread only.
final class PageMover {
  /// One page to be copied.
  struct Move {
    /// The page in the target.
    var page: Int
    var from: PageLocation
    /// The name that the content must bear, padded to a digest.
    var name: Digest
  }

  let target: any CopyTarget
  let images: [any ReadableImage]
  private let shapes: [ImageShape]
  private let width: DigestWidth
  private let buffer = PageBuffer(byteCount: PageMover.batchLimit * Geometry.pageByteCount)
  private var early: [Int: (content: PageBuffer, digest: Digest)] = [:]
  let isDryRun: Bool
  /// In how many pages at once blocks can be shared; nil where they cannot.
  let clonablePageCount: Int?
  /// By image: nothing has shown yet that it cannot share its blocks.
  var mayCloneFrom: [Bool]

  /// Pages in one batch: a mebibyte.
  static let batchLimit = 256

  /// `images[0]` is the target itself.
  init(target: any CopyTarget, images: [any ReadableImage], width: DigestWidth, isDryRun: Bool) {
    self.target = target
    self.images = images
    self.width = width
    self.isDryRun = isDryRun
    shapes = images.map { ImageShape(byteCount: $0.byteCount) }
    let unit = isDryRun ? nil : target.clonableUnit
    clonablePageCount = unit.map { max(1, $0 / Geometry.pageByteCount) }
    mayCloneFrom = [Bool](repeating: unit != nil, count: images.count)
  }

  /// Whether a location can hold a whole page at all; the short last page never moves.
  func isUsable(_ location: PageLocation) -> Bool {
    location.image < images.count && location.page < shapes[location.image].pageCount
      && shapes[location.image].pageLength(location.page) == Geometry.pageByteCount
  }

  /// Reads one page for a later `move`, before it is overwritten.
  func readEarly(_ move: Move) throws(StorageError) {
    let content = PageBuffer(byteCount: Geometry.pageByteCount)
    try unsafe read(from: move.from, count: 1, into: content.bytes)
    let digest = unsafe PageHasher.digest(of: UnsafeRawBufferPointer(content.bytes))
    early[move.page] = (content, digest)
  }

  /// Copies up to `batchLimit` pages, ascending, and calls `moved` with the digest of each
  /// that was what it should be, `missed` for each that was not.
  func move(
    _ moves: [Move], moved: (Move, Digest) -> Void, missed: (Move) -> Void
  ) throws(StorageError) {
    let cloned = try readAndClone(moves)
    let digests = hash(moves)
    var good: [Bool] = []
    good.reserveCapacity(moves.count)
    for (move, digest) in zip(moves, digests) {
      let matches = width.matches(digest, move.name)
      good.append(matches)
      if matches { moved(move, digest) } else { missed(move) }
    }
    if isDryRun { return }
    for run in cloned { good.replaceSubrange(run, with: repeatElement(false, count: run.count)) }
    try write(moves, where: good)
  }

  /// Fills all slots; gives the runs that need not be written any more.
  private func readAndClone(_ moves: [Move]) throws(StorageError) -> [Range<Int>] {
    let runs = runsToClone(in: moves)
    var start = 0
    for run in runs {
      try read(moves, start..<run.lowerBound)
      start = run.upperBound
    }
    try read(moves, start..<moves.count)
    var cloned: [Range<Int>] = []
    for run in runs {
      let first = moves[run.lowerBound]
      if try share(run.count, from: first.from, to: first.page) {
        // Whatever it is now: nobody else can change it any more.
        let place = PageLocation(image: 0, page: first.page)
        try unsafe read(from: place, count: run.count, into: slots(run))
        cloned.append(run)
      } else {
        try read(moves, run)
      }
    }
    return cloned
  }

  /// Whether the page was read early, and what lies in its place is not what was meant.
  func isKept(_ move: Move) -> Bool { early[move.page] != nil }

  private func read(_ moves: [Move], _ range: Range<Int>) throws(StorageError) {
    var start = range.lowerBound
    while start < range.upperBound {
      var end = start + 1
      if let kept = early.removeValue(forKey: moves[start].page) {
        unsafe slots(start..<end).copyMemory(from: UnsafeRawBufferPointer(kept.content.bytes))
      } else {
        while end < range.upperBound, early[moves[end].page] == nil,
          moves[end].from == moves[start].from.moved(by: end - start)
        { end += 1 }
        try unsafe read(from: moves[start].from, count: end - start, into: slots(start..<end))
      }
      start = end
    }
  }

  func read(
    from location: PageLocation, count: Int, into bytes: UnsafeMutableRawBufferPointer
  ) throws(StorageError) {
    let offset = UInt64(location.page) * UInt64(Geometry.pageByteCount)
    try unsafe images[location.image].read(into: bytes, at: offset)
  }

  private func hash(_ moves: [Move]) -> [Digest] {
    let bytes = unsafe UnsafeRawBufferPointer(slots(0..<moves.count))
    return unsafe PageHasher.digests(ofWholePagesIn: bytes)
  }

  private func write(_ moves: [Move], where good: [Bool]) throws(StorageError) {
    var start = 0
    while start < moves.count {
      guard good[start] else {
        start += 1
        continue
      }
      var end = start + 1
      while end < moves.count, good[end], moves[end].page == moves[start].page + end - start {
        end += 1
      }
      let offset = UInt64(moves[start].page) * UInt64(Geometry.pageByteCount)
      try unsafe target.write(UnsafeRawBufferPointer(slots(start..<end)), at: offset)
      start = end
    }
  }

  @unsafe
  func slots(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
    let size = Geometry.pageByteCount
    return unsafe UnsafeMutableRawBufferPointer(
      rebasing: buffer.bytes[range.lowerBound * size..<range.upperBound * size])
  }
}
