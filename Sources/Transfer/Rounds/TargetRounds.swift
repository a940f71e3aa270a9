// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// What the target's end of a live copy knows from one round to the next, and how it follows
/// them: compares what the source names with what is there, asks for what it lacks, and writes
/// that in place.
///
/// Used by the engine's thread only.
final class TargetRounds {
  private let target: any CopyTarget
  private let shape: ImageShape
  private let memory: TargetMemory
  private let connection: Connection
  private let counters: Counters
  private let reader: SegmentReader
  private var tree: DigestTree
  /// Of which it is not known what is in them.
  private var unsure: Set<Int>
  private var records: [Int: SegmentRecord] = [:]
  private var openCost = 0
  /// What was written in the last round, when that has come.
  private var written: DirtySet?
  private(set) var number: UInt32 = 0
  private var sourceDigest: Digest?

  init(
    target: any CopyTarget, shape: ImageShape, memory: TargetMemory, unsure: Set<Int>,
    connection: Connection, counters: Counters
  ) throws(StorageError) {
    self.target = target
    self.shape = shape
    self.memory = memory
    self.unsure = unsure
    self.connection = connection
    self.counters = counters
    reader = SegmentReader(image: target, shape: shape)
    try memory.beginRounds()
    tree = DigestTree(of: memory.manifest)
  }

  func begin(_ start: RoundStart) throws(TransferError) {
    guard start.number == number + 1, written == nil else {
      throw .breach("round \(start.number) follows round \(number)")
    }
    number = start.number
    sourceDigest = nil
    if start.isLast { written = DirtySet(shape: shape) }
  }

  /// The source has said all, and all of it is here.
  var isOver: Bool { sourceDigest != nil && records.isEmpty }

  func receive(_ scanned: Scanned) throws(TransferError) {
    guard sourceDigest == nil else { throw .breach("'scanned' twice in a round") }
    sourceDigest = scanned.imageDigest
  }
}

// MARK: - What the source names

extension TargetRounds {
  func receive(_ names: PageNames) throws(TransferError) {
    guard records[names.segment] == nil, sourceDigest == nil, !names.groups.isEmpty else {
      throw .breach("segment \(names.segment) is named twice in a round")
    }
    openCost += names.openCost
    guard openCost <= Int(WireLimits.openNameCount) else {
      throw .breach("more names are open than may be")
    }
    let record = try record(for: names)
    record.take(names, shape: shape)
    do throws(StorageError) {
      try target.markUnfinished()
      try writeZeros(of: record)
      records[names.segment] = record
      record.ask(record.openPages)
      connection.send(.want(WantedPages(segment: names.segment, pages: record.openPages)))
      counters.add(
        UInt64(shape.byteCount(of: record.openPages, inSegment: names.segment)), to: .wanted)
      try close(record)
    } catch {
      throw TransferError(.target, error)
    }
  }

  /// Which pages a group has is read, whatever is remembered of it: only what is there can be kept.
  private func record(for names: PageNames) throws(TransferError) -> SegmentRecord {
    let reader = reader
    func onDisk<Answer>(
      _ body: () throws(StorageError) -> Answer
    ) throws(TransferError) -> Answer {
      do throws(StorageError) { return try body() } catch { throw TransferError(.target, error) }
    }
    return try SegmentRecord(
      segment: names.segment, shape: shape,
      own: try onDisk { () throws(StorageError) in try own(names.segment) },
      expectedGroups: nil, listed: names.groups
    ) { (group, segment, _) throws(TransferError) in
      try onDisk { () throws(StorageError) in try reader.pages(ofGroup: group, of: segment) }
    }
  }

  /// What is known of a segment; a segment of which nothing is known is read.
  private func own(_ segment: Int) throws(StorageError) -> SegmentDigests? {
    if unsure.remove(segment) != nil { return try reader.digests(of: segment) }
    let record = memory.manifest.record(of: segment)
    return record?.digests(pageCount: shape.pageCount(inSegment: segment))
  }

  private func writeZeros(of record: SegmentRecord) throws(StorageError) {
    for run in record.pagesToZero.runs {
      let range = pageRange(run, of: record.segment)
      try target.zero(range)
      written?.insert(range)
    }
    record.zerosWritten(shape: shape)
  }

  private func pageRange(_ run: Range<Int>, of segment: Int) -> Range<UInt64> {
    let first = segment * Geometry.pagesPerSegment
    let start = shape.pageRange(first + run.lowerBound).lowerBound
    return start..<shape.pageRange(first + run.upperBound - 1).upperBound
  }

  private func close(_ record: SegmentRecord) throws(StorageError) {
    guard record.isSettled else { return }
    records[record.segment] = nil
    openCost -= PageNames.segmentCost + record.listedGroups.count * Geometry.pagesPerGroup
    let (_, isAsAnnounced) = record.close(shape: shape)
    guard isAsAnnounced else {
      unsure.insert(record.segment)
      return
    }
    let summary = record.summary
    try memory.know(summary, of: record.segment)
    tree.set(summary.isZero ? nil : summary.digest, at: record.segment)
  }
}

// MARK: - What comes

extension TargetRounds {
  func receive(_ batch: ReceivedBatch) throws(TransferError) {
    counters.add(UInt64(batch.content.pageByteCount), to: .sent)
    var start = 0
    for entry in batch.content.entries {
      let slots = start..<start + entry.pages.count
      start = slots.upperBound
      guard let record = records[entry.segment], entry.pages.isSubset(of: record.askedPages) else {
        throw .breach("pages of segment \(entry.segment) that were not asked for")
      }
      do throws(StorageError) {
        try take(entry, batch, slots, for: record)
      } catch {
        throw TransferError(.target, error)
      }
    }
  }

  private func take(
    _ entry: DataBatch.Entry, _ batch: ReceivedBatch, _ slots: Range<Int>,
    for record: SegmentRecord
  ) throws(StorageError) {
    var good = PageSet()
    for (slot, page) in zip(slots, entry.pages) {
      good[page] = connection.width.matches(batch.pages.digests[slot], record[page])
    }
    for run in good.runs {
      let before = entry.pages.intersection(PageSet(firstPages: run.lowerBound)).count
      let slot = slots.lowerBound + before
      let range = pageRange(run, of: entry.segment)
      try unsafe batch.withBytes(of: slot..<slot + run.count) { (bytes) throws(StorageError) in
        try unsafe target.write(bytes, at: range.lowerBound)
      }
      written?.insert(range)
    }
    counters.subtract(
      UInt64(shape.byteCount(of: entry.pages, inSegment: entry.segment)), from: .wanted)
    record.settle(good, among: entry.pages, as: batch.pages.digests[slots])
    record.leaveUnsettled(entry.pages.subtracting(good))
    try close(record)
  }
}

// MARK: - The end of a round

extension TargetRounds {
  /// Puts everything on stable storage, after the last round reads it back, and says what the
  /// image is now. Gives its digest when that is the source's.
  func settle() throws(StorageError) -> Digest? {
    try target.synchronize()
    if let written { try readBack(written) }
    let digest = tree.imageDigest()
    for segment in unsure.sorted() {
      connection.send(.unsettled(SegmentRange(first: segment, count: 1)))
    }
    connection.send(
      .settled(Settled(imageDigest: digest, unsettledPageCount: UInt64(unsure.count))))
    // The rounds may go on: what could not be handed over is told again.
    written = nil
    return unsure.isEmpty && digest == sourceDigest ? digest : nil
  }

  /// Reads what was written from the disk itself, and takes that for what the target is.
  private func readBack(_ written: DirtySet) throws(StorageError) {
    let disk = SegmentReader(
      image: ReadBack(target, threadCount: 1, counters: counters), shape: shape)
    var next = written.nextSegment(from: 0)
    while let segment = next {
      defer { next = written.nextSegment(from: segment + 1) }
      guard let record = memory.manifest.record(of: segment) else {
        if try disk.digests(of: segment) != nil { unsure.insert(segment) }
        continue
      }
      for group in written[segment] {
        let pages = try disk.pages(ofGroup: group, of: segment)
        if SegmentDigests.group(pages.span) != record.groups[group] { unsure.insert(segment) }
      }
    }
  }
}
