// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// The target's side of `verify`: the same conversation as a copy, at full width, in which
/// nothing is written and differing pages are counted.
///
/// ## Concurrency
/// The caller's thread receives and compares; one more scans, with workers of its own. They
/// share the ledger, behind its monitor, and `scanFailure`.
final class TargetComparison {
  private let image: any CopySource
  private let shape: ImageShape
  private let threadCount: Int
  private let connection: Connection
  private let counters: Counters
  private let ledger: Monitor<Ledger>
  private let reader: SegmentReader
  private let scanFailure = Monitor<TransferError?>(nil)
  private var difference = Difference()
  private var order = AnnouncementOrder()
  /// By segment whose pages are not named yet, the groups that differ.
  private var awaited: [Int: GroupSet] = [:]
  private var closedCount: UInt64 = 0
  private var sourceDigest: Digest?

  /// `byteCount` is how much of the image is compared.
  init(
    image: any CopySource, byteCount: UInt64, threadCount: Int, connection: Connection,
    counters: Counters
  ) {
    self.image = image
    self.threadCount = threadCount
    self.connection = connection
    self.counters = counters
    shape = ImageShape(byteCount: byteCount)
    ledger = Monitor(Ledger(shape: shape))
    reader = SegmentReader(image: image, shape: shape)
  }

  /// Compares the whole image and tells the source how it came out.
  func run() throws(TransferError) -> Verdict {
    connection.agree(on: shape)
    counters.enter(.comparing)
    let scanner = TargetScanner(
      image: image, seeds: [], shape: shape, width: .full, threadCount: threadCount,
      connection: connection, ledger: ledger, index: nil)
    var scanning: WorkerThread?
    defer {
      scanner.stop()
      scanning?.join()
    }
    while sourceDigest == nil || !awaited.isEmpty {
      guard let message = try receive() else { throw scanFailure.peek { $0 } ?? .lost }
      if case .pass = message {
        guard scanning == nil else { throw .breach("a second pass of a comparison") }
        scanning = scan(scanner)
      } else {
        try handle(message)
      }
    }
    let verdict = try self.verdict()
    account(verdict)
    connection.send(.verdict(verdict))
    return verdict
  }

  /// The last word on what is equal, also for the other end's report.
  private func account(_ verdict: Verdict) {
    let totals = ledger.peek { $0.totals }
    counters.set(.equal, to: totals.equal - min(totals.equal, verdict.differingByteCount))
    connection.send(.progress(counters.forTheOtherEnd))
  }

  private func receive() throws(TransferError) -> Message? {
    do throws(TransferError) {
      return try connection.receive()
    } catch {
      throw scanFailure.peek { $0 } ?? error
    }
  }

  /// The source is waiting for our digests: when there will be no more it has to know.
  private func scan(_ scanner: TargetScanner) -> WorkerThread {
    let (connection, scanFailure) = (connection, scanFailure)
    return WorkerThread {
      do throws(StorageError) {
        try scanner.run(scansTarget: true)
      } catch {
        let failure = TransferError(.target, error)
        scanFailure.update { $0 = failure }
        connection.tell(failure)
      }
    }
  }

  private func verdict() throws(TransferError) -> Verdict {
    guard ledger.peek({ $0.isComplete }) else {
      throw .breach("the source ended before it had announced its whole image")
    }
    let own = ledger.peek { $0.digest() }
    return Verdict(
      imageDigest: own, isEqual: own == sourceDigest, firstDifference: difference.first,
      differingByteCount: difference.byteCount)
  }

  private func handle(_ message: Message) throws(TransferError) {
    switch message {
    case .position(let segment):
      try advance(to: segment, past: segment)
      let totals = ledger.update { ledger in
        ledger.announce(upTo: segment)
        return ledger.totals
      }
      counters.set(.equal, to: totals.equal)
      counters.set(.zero, to: totals.zero)
    case .zero(let segments):
      try advance(to: segments.range.lowerBound, past: segments.range.upperBound)
      for segment in segments.range {
        try count(PageSet(), of: segment, names: nil)
      }
    case .groups(let groups):
      try compare(groups)
    case .pages(let names):
      try take(names)
      try count(PageSet(pagesOf: names.groups), of: names.segment, names: names)
      closedCount += UInt64(names.openCost)
      connection.send(.closed(closedCount))
    case .scanned(let scanned):
      sourceDigest = scanned.imageDigest
    case .progress: break
    case .failure(let failure):
      throw TransferError(.source, failure, from: connection.otherEnd)
    default: throw .breach("'\(message.name)' is not for a comparison")
    }
  }

  private func advance(to segment: Int, past end: Int) throws(TransferError) {
    try order.advance(to: segment, past: end, told: ledger.peek { $0.scannedCount })
  }

  /// Names are those of the groups that differ, or of a whole segment.
  private func take(_ names: PageNames) throws(TransferError) {
    guard let groups = awaited.removeValue(forKey: names.segment) else {
      try advance(to: names.segment, past: names.segment + 1)
      return
    }
    if groups != names.groups {
      throw .breach("names of pages in segment \(names.segment) that were not asked for")
    }
  }

  private func compare(_ groups: GroupDigests) throws(TransferError) {
    try advance(to: groups.segment, past: groups.segment + 1)
    let record = try SegmentRecord(
      segment: groups.segment, shape: shape, own: try own(groups.segment),
      expectedGroups: groups)
    connection.send(.differ(GroupMask(segment: groups.segment, groups: record.listedGroups)))
    if record.awaitsNames { awaited[groups.segment] = record.listedGroups }
    if awaited.count > WireLimits.segmentsInQuestion {
      throw .breach("more segments are in question than may be")
    }
  }

  /// Counts the pages of a segment that differ from what the source named. Without names the
  /// whole segment is zero at the source.
  private func count(
    _ listed: PageSet, of segment: Int, names: PageNames?
  ) throws(TransferError) {
    let own = try own(segment) ?? ZeroDigests.segmentDigests(length: shape.segmentLength(segment))
    let first = segment * Geometry.pagesPerSegment
    var index = 0
    for page in 0..<own.pages.count {
      let isNamed = names?.nonzeroPages[page] ?? false
      let isEqual: Bool
      if let names, isNamed {
        isEqual = !own.zeroPages[page] && names.names.matches(own.pages[page], at: index)
        index += 1
      } else if names == nil || listed[page] {
        isEqual = own.zeroPages[page]
      } else {
        isEqual = true
      }
      if !isEqual { difference.add(page: first + page, shape: shape) }
    }
  }

  private func own(_ segment: Int) throws(TransferError) -> SegmentDigests? {
    do throws(StorageError) {
      return try reader.digests(of: segment)
    } catch {
      throw TransferError(.target, error)
    }
  }
}
