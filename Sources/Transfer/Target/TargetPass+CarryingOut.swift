// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// How a plan becomes true: first the copies, which need the old content, then the zeros, then
/// the questions for what is nowhere at this end.
extension TargetPass {
  func carryOut() throws(StorageError) {
    let plan = plan
    self.plan = Plan()
    try prepareToWrite()
    if !isDryRun { memory?.willChange(plan.segments) }
    let (moves, missing) = lookUp(plan.pages.sorted())
    let failed = try make(moves)
    try writeZeros(plan)
    // What was found and turned out to be something else is asked for like the rest.
    asks.append(failed.isEmpty ? missing : (missing + failed).sorted())
    try ask()
  }

  /// From here on the target is neither what it was nor what it will be.
  func prepareToWrite() throws(StorageError) {
    if !isDryRun { try target.markUnfinished() }
  }

  private func lookUp(_ pages: [Int]) -> (moves: [PageMover.Move], missing: [Int]) {
    guard let index else { return ([], pages) }
    let hints = index.peek { index in
      let names = pages.map { name(of: $0).name }
      let locations = names.map { index.location(of: $0).map(PageLocation.init(packed:)) }
      return Neighbours.extend(locations, of: pages, sampleBitCount: index.sampleBitCount)
    }
    var moves: [PageMover.Move] = []
    var missing: [Int] = []
    for (page, hint) in zip(pages, hints) {
      if let hint, isUsable(hint, for: page) {
        moves.append(PageMover.Move(page: page, from: hint, name: name(of: page)))
      } else {
        missing.append(page)
      }
    }
    return (moves, missing)
  }

  /// The short last page is never copied, nor is a page from itself.
  func isUsable(_ hint: PageLocation, for page: Int) -> Bool {
    shape.pageLength(page) == Geometry.pageByteCount && mover.isUsable(hint)
      && !(hint.image == 0 && hint.page == page)
  }

  func name(of page: Int) -> Digest {
    records[page / Geometry.pagesPerSegment]![page % Geometry.pagesPerSegment]
  }

  /// Makes the copies; gives the pages whose source turned out to be something else.
  private func make(_ moves: [PageMover.Move]) throws(StorageError) -> [Int] {
    var failed: [Int] = []
    var order = CopyOrder(
      destinations: moves.map(\.page),
      sources: moves.map { $0.from.image == 0 ? $0.from.page : nil })
    while let step = order.next(limit: PageMover.batchLimit) {
      switch step {
      case .readEarly(let copy):
        try mover.readEarly(moves[copy])
      case .copy(let copies):
        try make(copies.sorted().map { moves[$0] }, failed: &failed)
      }
    }
    return failed
  }

  /// Copies one batch of pages.
  private func make(
    _ batch: [PageMover.Move], failed: inout [Int]
  ) throws(StorageError) {
    var settled: [(page: Int, digest: Digest)] = []
    try mover.move(
      batch, moved: { settled.append(($0.page, $1)) }, missed: { failed.append($0.page) })
    for (page, digest) in settled {
      counters.add(UInt64(shape.pageLength(page)), to: .found)
      settle(page, as: digest)
    }
  }

  func settle(_ page: Int, as digest: Digest?) {
    let record = records[page / Geometry.pagesPerSegment]!
    settle(page % Geometry.pagesPerSegment, of: record, as: digest)
  }

  /// A page has its content; its segment is closed when it was the last one.
  func settle(_ page: Int, of record: SegmentRecord, as digest: Digest?) {
    if let digest, !isDryRun {
      record.settle(page, as: digest)
    } else {
      record.leaveUnsettled(PageSet(only: page))
    }
    close(record)
  }

  private func writeZeros(_ plan: Plan) throws(StorageError) {
    for segments in plan.zeroSegments {
      let first = shape.segmentRange(segments.lowerBound).lowerBound
      try writeZeros(first..<shape.segmentRange(segments.upperBound - 1).upperBound)
    }
    for segment in plan.segmentsWithZeroPages {
      let record = records[segment]!
      let first = segment * Geometry.pagesPerSegment
      for run in record.pagesToZero.runs {
        let start = shape.pageRange(first + run.lowerBound).lowerBound
        try writeZeros(start..<shape.pageRange(first + run.upperBound - 1).upperBound)
      }
      record.zerosWritten(shape: shape)
      close(record)
    }
    if !plan.zeroSegments.isEmpty {
      account(
        ledger.update { ledger in
          ledger.zerosWritten()
          return ledger.totals
        })
    }
  }

  /// In pieces, so that a whole disk of zeros does not look like a standstill.
  func writeZeros(_ range: Range<UInt64>) throws(StorageError) {
    if isDryRun || startsZero { return }
    var start = range.lowerBound
    while start < range.upperBound {
      let end = min(start + Self.zeroPieceByteCount, range.upperBound)
      try target.zero(start..<end)
      start = end
    }
  }

  private static let zeroPieceByteCount: UInt64 = 1 << 30
}
