// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Writes to the target what differs in a pair of segments: neighbouring pages at once, zeros as
/// zeros.
///
/// ## Concurrency
/// Used by all threads of a walk, each with a segment of its own.
struct PairWriter: Sendable {
  let target: any CopyTarget
  let shape: ImageShape
  let isDryRun: Bool
  /// Whether a pair without target bytes means that the target is zero there; otherwise it is
  /// not known, and zeros are written too.
  let knowsTarget: Bool
  let counters: Counters
  let limiter: Monitor<RateLimiter>?
  /// Held while writing what is written in turns. The kernel lets one thread at a time write to a
  /// file, and burns a processor on those that wait; ours sleep.
  private let turn = Monitor(())

  private enum Page {
    case equal, zero, differs
    /// Zero at the source and not at the target.
    case mustBecomeZero
  }

  /// Holes in both: nothing to do, if the target's are known to be there.
  func skip(_ segments: Range<Int>) throws(StorageError) {
    let start = shape.segmentRange(segments.lowerBound).lowerBound
    let end = shape.segmentRange(segments.upperBound - 1).upperBound
    if !knowsTarget && !isDryRun { try target.zero(start..<end) }
    counters.add(end - start, to: .zero)
    counters.add(end - start, to: .scanned)
  }

  func write(_ pair: PairWalk.Pair) throws(StorageError) {
    var start = 0
    let count = shape.pageCount(inSegment: pair.segment)
    while start < count {
      let kind = kind(of: start, in: pair)
      var end = start + 1
      while end < count, self.kind(of: end, in: pair) == kind { end += 1 }
      try settle(kind, pages: start..<end, of: pair)
      start = end
    }
    counters.add(UInt64(shape.segmentLength(pair.segment)), to: .scanned)
  }

  private func kind(of page: Int, in pair: PairWalk.Pair) -> Page {
    let range = bytes(of: page..<page + 1, in: pair.segment)
    let source = unsafe UnsafeRawBufferPointer(rebasing: pair.source[range])
    guard let whole = unsafe pair.target else {
      guard unsafe PageHasher.isZero(source) else { return .differs }
      return knowsTarget ? .zero : .mustBecomeZero
    }
    let target = unsafe UnsafeRawBufferPointer(rebasing: whole[range])
    if unsafe PageHasher.isEqual(source, target) {
      return unsafe PageHasher.isZero(source) ? .zero : .equal
    }
    return unsafe PageHasher.isZero(source) ? .mustBecomeZero : .differs
  }

  private func settle(
    _ kind: Page, pages: Range<Int>, of pair: PairWalk.Pair
  ) throws(StorageError) {
    let range = bytes(of: pages, in: pair.segment)
    let offset = shape.segmentRange(pair.segment).lowerBound + UInt64(range.lowerBound)
    let byteCount = UInt64(range.count)
    switch kind {
    case .equal:
      counters.add(byteCount, to: .equal)
    case .zero:
      if unsafe pair.target != nil { target.dig(offset..<offset + byteCount) }
      counters.add(byteCount, to: .zero)
    case .mustBecomeZero:
      if !isDryRun { try target.zero(offset..<offset + byteCount) }
      counters.add(byteCount, to: .zero)
    case .differs where isDryRun:
      counters.add(byteCount, to: .wanted)
    case .differs:
      try unsafe write(UnsafeRawBufferPointer(rebasing: pair.source[range]), at: offset)
    }
  }

  /// All at once, or at the rate that was asked for.
  private func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    let pieceByteCount = limiter?.peek { $0.pieceByteCount } ?? bytes.count
    var start = 0
    while start < bytes.count {
      let end = min(start + pieceByteCount, bytes.count)
      let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      let place = offset + UInt64(start)
      if target.isWrittenInTurns {
        try unsafe writeInTurn(piece, at: place)
      } else {
        try unsafe target.write(piece, at: place)
      }
      counters.add(UInt64(piece.count), to: .sent)
      limiter?.update { $0.pay(for: piece.count) }
      start = end
    }
  }

  @unsafe private func writeInTurn(
    _ piece: UnsafeRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    let failure = turn.peek { _ -> StorageError? in
      do throws(StorageError) {
        try unsafe target.write(piece, at: offset)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  private func bytes(of pages: Range<Int>, in segment: Int) -> Range<Int> {
    let end = min(pages.upperBound * Geometry.pageByteCount, shape.segmentLength(segment))
    return pages.lowerBound * Geometry.pageByteCount..<end
  }
}
