// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// The target of a conversation whose source is a stream: tells what it has, looks at each segment
/// that differs when it is named, asks for the pages that it lacks, and writes them when they bear
/// their names. The length comes last.
///
/// ## Concurrency
/// Two threads: the caller's reads the connection and does all of the work, which bounds what may
/// wait; one scans ahead of the source. They meet in `ledger`.
final class StreamTarget {
  private let image: any CopyTarget
  private let job: Job
  private let connection: Connection
  private let counters: Counters
  private let room: ImageShape
  private var shape: ImageShape
  private var reader: SegmentReader
  private let ledger: Monitor<StreamLedger>
  private let decompressor = Decompressor()
  /// Segments whose pages have not all come.
  private var open: [Int: Open] = [:]
  /// The length of the stream, when it is known.
  private var byteCount: UInt64?
  /// It ends within a segment, which has not come.
  private var awaitsLast = false
  private var agreedDigest: Digest?
  private var toldNotes: Set<String> = []
  private var scanning: WorkerThread?

  private struct Open {
    var missing: PageSet
    /// Of all pages, as they will be.
    var pages: [Digest]
    var zeroPages: PageSet
  }

  init(image: any CopyTarget, job: Job, connection: Connection, counters: Counters) {
    self.image = image
    self.job = job
    self.connection = connection
    self.counters = counters
    room = ImageShape(byteCount: image.byteCount)
    shape = room
    reader = SegmentReader(image: image, shape: room)
    ledger = Monitor(StreamLedger(shape: room, startsZero: image.startsZero))
  }

  func run() throws(TransferError) {
    connection.agree(on: room)
    let description = TargetDescription(image)
    toldNotes = Set(description.notes)
    connection.send(.target(description))
    guard case .pass(let start) = try next(), start.number == 1, start.isFull else {
      throw .breach("a stream begins with pass 1 at full width")
    }
    counters.enter(.comparing)
    scanning = image.startsZero ? nil : scan()
    defer { stopScan() }
    while true {
      switch try next() {
      case .position(let position):
        if !ledger.update({ $0.advance(to: position) }) { throw .breach("a position too far") }
        counters.set(.scanned, to: UInt64(position) << 20)
      case .zero(let segments): try take(zeros: segments.range)
      case .pages(let names): try take(names)
      case .data(let batch): try take(batch)
      case .source(let source): try end(at: source.byteCount)
      case .scanned(let scanned): try settle(scanned)
      case .agreed: return try finish()
      case let message: throw .breach("'\(message.name)' is not for the target of a stream")
      }
    }
  }

  private func next() throws(TransferError) -> Message {
    while let message = try connection.receive() {
      switch message {
      case .progress(let progress): counters.take(progress, from: .source)
      case .failure(let failure):
        throw TransferError(.source, failure, from: connection.otherEnd)
      default: return message
      }
    }
    throw .lost
  }

  private func stored<Result>(
    _ body: () throws(StorageError) -> Result
  ) throws(TransferError) -> Result {
    do throws(StorageError) {
      return try body()
    } catch {
      throw TransferError(.target, error)
    }
  }
}

// MARK: - What it has

extension StreamTarget {
  private static let segmentsPerMessage = 32

  private func scan() -> WorkerThread {
    let (image, room, ledger, connection) = (image, room, ledger, connection)
    let threadCount = WorkerThread.count(for: job.threadCount)
    return WorkerThread {
      let scan = ImageScan(image: image, shape: room, threadCount: threadCount)
      defer { scan.finish() }
      var runs = SegmentRuns(first: 0, width: .full)
      do throws(StorageError) {
        while let item = try scan.next() {
          switch item {
          case .zero(let segments):
            ledger.update { $0.scan(zeros: segments.count) }
            runs.append(zeroSegments: segments.count)
          case .data(_, let digests):
            if ledger.peek({ !$0.mayScan }), !runs.isEmpty { Self.send(&runs, connection) }
            let goesOn = ledger.wait { ledger -> Bool? in
              if ledger.hasStopped { return false }
              guard ledger.mayScan else { return nil }
              ledger.scan(digests.digest)
              return true
            }
            guard goesOn else { return }
            runs.append(digests.digest)
          }
          if ledger.peek({ $0.hasStopped }) { return }
          if runs.segmentCount >= Self.segmentsPerMessage || runs.isFull {
            Self.send(&runs, connection)
          }
        }
        if !runs.isEmpty { Self.send(&runs, connection) }
      } catch {
        // The other end gives up, and so this one does.
        connection.tell(TransferError(.target, error))
      }
    }
  }

  /// What is behind the end of the stream is not looked at, and may be cut off.
  private func stopScan() {
    ledger.update { $0.hasStopped = true }
    scanning?.join()
    scanning = nil
  }

  private static func send(_ runs: inout SegmentRuns, _ connection: Connection) {
    connection.send(.segments(runs))
    runs = SegmentRuns(first: runs.range.upperBound, width: .full)
  }
}

// MARK: - What it gets

extension StreamTarget {
  private func take(zeros segments: Range<Int>) throws(TransferError) {
    // Where nothing is, nothing has to be zeroed.
    guard !image.startsZero, segments.count <= StreamLedger.leadLimit else {
      throw .breach("segments from \(segments.lowerBound) on are not to be zeroed")
    }
    for segment in segments {
      guard byteCount == nil, ledger.peek({ $0.maySpeak(of: segment) }) else {
        throw .breach("segment \(segment) is not to be zeroed")
      }
      try stored { () throws(StorageError) in try image.zero(shape.segmentRange(segment)) }
      let digest = ZeroDigests.segment(length: shape.segmentLength(segment))
      ledger.update { $0.change(segment, to: digest) }
      counters.add(UInt64(shape.segmentLength(segment)), to: .zero)
    }
  }

  /// Looks at what is there now, and asks for what is not.
  private func take(_ names: PageNames) throws(TransferError) {
    let segment = names.segment
    let isLast = byteCount != nil
    guard
      isLast
        ? awaitsLast && segment == shape.segmentCount - 1
        : ledger.peek({ $0.maySpeak(of: segment) }),
      open[segment] == nil, open.count < WireLimits.segmentsInQuestion,
      names.groups == GroupSet(firstGroups: shape.groupCount(inSegment: segment)),
      case .full(let given) = names.names
    else { throw .breach("names of segment \(segment), which has no place here") }
    let own =
      try stored { () throws(StorageError) in try reader.digests(of: segment) }
      ?? ZeroDigests.segmentDigests(length: shape.segmentLength(segment))
    var pages = ZeroDigests.segmentDigests(length: shape.segmentLength(segment)).pages
    for (page, digest) in zip(names.nonzeroPages, given) { pages[page] = digest }
    var missing = PageSet()
    for page in names.nonzeroPages where own.pages[page] != pages[page] { missing[page] = true }
    let zeroPages = PageSet(firstPages: pages.count).subtracting(names.nonzeroPages)
    let first = segment * Geometry.pagesPerSegment
    try stored { () throws(StorageError) in
      for run in zeroPages.subtracting(own.zeroPages).runs {
        let start = shape.pageRange(first + run.lowerBound).lowerBound
        try image.zero(start..<shape.pageRange(first + run.upperBound - 1).upperBound)
      }
    }
    awaitsLast = false
    open[segment] = Open(missing: missing, pages: pages, zeroPages: zeroPages)
    ledger.update { $0.begin(segment) }
    connection.send(.want(WantedPages(segment: segment, pages: missing)))
    let byteCount = missing.isEmpty ? 0 : shape.byteCount(of: missing, inSegment: segment)
    counters.add(UInt64(shape.segmentLength(segment) - byteCount), to: .equal)
    closeIfComplete(segment)
  }

  private func take(_ batch: DataBatch) throws(TransferError) {
    let received: ReceivedBatch
    do throws(WireError) {
      received = try ReceivedBatch(batch, shape: shape, using: decompressor)
    } catch {
      throw TransferError(error)
    }
    counters.add(UInt64(received.content.pageByteCount), to: .sent)
    var slot = 0
    for entry in received.content.entries {
      guard let segment = open[entry.segment], entry.pages.isSubset(of: segment.missing) else {
        throw .breach("pages of segment \(entry.segment) that were not asked for")
      }
      for (page, digest) in zip(entry.pages, received.pages.digests[slot...])
      where digest != segment.pages[page] {
        throw .breach("page \(page) of segment \(entry.segment) does not bear its name")
      }
      let first = entry.segment * Geometry.pagesPerSegment
      try stored { () throws(StorageError) in
        for run in entry.pages.runs {
          let start = shape.pageRange(first + run.lowerBound).lowerBound
          try unsafe received.withBytes(of: slot..<slot + run.count) {
            (bytes) throws(StorageError) in try unsafe image.write(bytes, at: start)
          }
          slot += run.count
        }
      }
      open[entry.segment]?.missing = segment.missing.subtracting(entry.pages)
      closeIfComplete(entry.segment)
    }
  }

  private func closeIfComplete(_ number: Int) {
    guard let segment = open[number], segment.missing.isEmpty else { return }
    open[number] = nil
    let digest = SegmentDigests.assembling(pages: segment.pages, zeroPages: segment.zeroPages)
      .digest
    ledger.update { $0.change(number, to: digest) }
  }
}

// MARK: - The end

extension StreamTarget {
  /// From here on the last segment may be short.
  private func end(at length: UInt64) throws(TransferError) {
    let wholeCount = Int(min(length, room.byteCount) >> 20)
    guard byteCount == nil, open.isEmpty, length <= room.byteCount,
      ledger.peek({ $0.position }) == wholeCount
    else { throw .breach("the stream ends at \(length), which it cannot") }
    try AbsorbRun.require(length, isForced: job.isForced, from: "the stream")
    stopScan()
    awaitsLast = length % UInt64(Geometry.segmentByteCount) > 0
    byteCount = length
    shape = ImageShape(byteCount: length)
    reader = SegmentReader(image: image, shape: shape)
    connection.agree(on: shape)
  }

  private func settle(_ scanned: Scanned) throws(TransferError) {
    guard let byteCount, open.isEmpty, agreedDigest == nil, !awaitsLast,
      let digest = ledger.update({ $0.finish(byteCount: byteCount) })
    else { throw .breach("'scanned' before the stream has ended") }
    counters.enter(.finishing)
    image.end(at: byteCount)
    try stored { () throws(StorageError) in try image.synchronize() }
    connection.send(.settled(Settled(imageDigest: digest, unsettledPageCount: 0)))
    agreedDigest = digest
  }

  private func finish() throws(TransferError) {
    guard let agreedDigest, let byteCount else { throw .breach("'agreed' before the end") }
    if job.verifiesTarget {
      counters.enter(.verifying)
      try ReadBack(
        image, byteCount: byteCount, threadCount: job.threadCount, counters: counters
      ).confirm(agreedDigest)
    }
    counters.enter(.finishing)
    try stored { () throws(StorageError) in try image.complete() }
    for note in image.notes where !toldNotes.contains(note) { connection.note(note) }
    counters.enter(.done)
    connection.send(
      .done(
        Completion(isVerified: job.verifiesTarget, counters: counters.forTheOtherEnd)))
  }

  /// From opening the image to the last word.
  static func serve(
    _ path: String, policy: PathPolicy, job: Job, connection: Connection, counters: Counters
  ) throws(TransferError) {
    _ = try Handshake.receiveSource(connection)
    let image = try AbsorbRun.open(path, within: policy, for: job)
    do throws(TransferError) {
      try StreamTarget(image: image, job: job, connection: connection, counters: counters).run()
    } catch {
      image.abandon()
      throw error
    }
  }
}
