// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Carries out the second part of a delta on a target of which the first part is known to be true.
///
/// Of every segment it first makes sure that what is given and what stays are together what is
/// promised; then it writes what differs.
final class DeltaTaker {
  /// What the first part came to.
  struct Outline {
    var agreement: DeltaAgreement
    /// Of all changes that must be given.
    var chain: Digest
    /// The target is the result already.
    var isResult: Bool
  }

  private let input: StreamInput
  private let target: any CopyTarget
  private let memory: TargetMemory?
  private let isDryRun: Bool
  private let counters: Counters
  private let shape: ImageShape
  private let reader: SegmentReader
  private let decompressor = Decompressor()
  private var chain = ChangeChain()
  private var position = 0
  private var segmentCount: UInt64 = 0
  private var pageByteCount: UInt64 = 0
  /// Something of the target is not what it was.
  private(set) var hasWritten = false

  init(
    input: StreamInput, target: any CopyTarget, memory: TargetMemory?, isDryRun: Bool,
    counters: Counters
  ) {
    self.input = input
    self.target = target
    self.memory = memory
    self.isDryRun = isDryRun
    self.counters = counters
    shape = ImageShape(byteCount: target.byteCount)
    reader = SegmentReader(image: target, shape: shape)
  }

  /// Takes everything up to the end. Where the target is the result already, what is given is
  /// still read to its end, so that nobody before us in the pipe fails.
  func take(_ outline: Outline) throws(TransferError) {
    while true {
      switch try input.next() {
      case .zero(let segments): try take(zeros: segments.range, writes: !outline.isResult)
      case .details(let details): try take(details, writes: !outline.isResult)
      case .end(let end):
        guard end.imageDigest == outline.agreement.imageDigest,
          end.segmentCount == outline.agreement.changedSegmentCount,
          end.segmentCount == segmentCount, end.pageByteCount == pageByteCount,
          chain.finish() == outline.chain
        else { throw input.error("does not give what its outline promises") }
        return try input.finish()
      case let record: throw input.error("record '\(record.type.name)' has no place here")
      }
    }
  }

  private func advance(over segments: Range<Int>) throws(TransferError) {
    guard segments.lowerBound >= position else {
      throw input.error("segment \(segments.lowerBound) is not in its place")
    }
    position = segments.upperBound
    segmentCount += UInt64(segments.count)
  }

  // MARK: Zeros

  private func take(zeros segments: Range<Int>, writes: Bool) throws(TransferError) {
    try advance(over: segments)
    chain.add(zeros: segments)
    let start = shape.segmentRange(segments.lowerBound).lowerBound
    let end = shape.segmentRange(segments.upperBound - 1).upperBound
    counters.add(end - start, to: .zero)
    if isDryRun || !writes { return }
    hasWritten = true
    memory?.willChange([segments])
    try stored { () throws(StorageError) in
      try target.markUnfinished()
      var offset = start
      while offset < end {
        let extent = try target.extent(at: offset)
        let stop = min(extent.range.upperBound, end)
        if !extent.isHole { try target.zero(offset..<stop) }
        offset = stop
      }
    }
  }

  // MARK: Pages

  /// One segment that is ready to be written.
  private struct Ready {
    var detail: DeltaDetails.Segment
    /// The segment as it becomes.
    var digests: SegmentDigests
    /// The pages that are not yet what they become.
    var pages: PageSet
    /// Where its pages begin among those of the batch.
    var firstSlot: Int
  }

  private func take(_ details: DeltaDetails, writes: Bool) throws(TransferError) {
    let batch = try batch(for: details)
    pageByteCount += UInt64(batch?.content.pageByteCount ?? 0)
    counters.add(UInt64(batch?.content.pageByteCount ?? 0), to: .sent)
    var ready: [Ready] = []
    var slot = 0
    for detail in details.segments {
      try advance(over: detail.number..<detail.number + 1)
      chain.add(segment: detail.number, digest: detail.digest)
      let pages = try check(detail, batch, slot)
      if writes { ready.append(try prepare(detail, pages, slot)) }
      slot += detail.dataPages(in: shape).count
    }
    ready.removeAll { $0.pages.isEmpty }
    if isDryRun || ready.isEmpty { return }
    hasWritten = true
    memory?.willChange(ready.map { $0.detail.number..<$0.detail.number + 1 })
    for segment in ready { try write(segment, batch) }
    try stored { () throws(StorageError) in try memory?.checkpointIfDue() }
  }

  /// The pages that belong to these segments, which must be exactly those that stand behind them.
  private func batch(for details: DeltaDetails) throws(TransferError) -> ReceivedBatch? {
    let expected = details.segments.compactMap { detail -> DataBatch.Entry? in
      let pages = detail.dataPages(in: shape)
      return pages.isEmpty ? nil : DataBatch.Entry(segment: detail.number, pages: pages)
    }
    if expected.isEmpty { return nil }
    guard case .data(let batch) = try input.next() else {
      throw input.error("the pages of segment \(expected[0].segment) are missing")
    }
    do throws(WireError) {
      let received = try ReceivedBatch(batch, shape: shape, using: decompressor)
      if received.content.entries == expected { return received }
    } catch {
      throw input.error(error.description)
    }
    throw input.error("has other pages of segment \(expected[0].segment) than it says")
  }

  /// The digests of the given pages, by page; their groups must have the digests that were said.
  private func check(
    _ detail: DeltaDetails.Segment, _ batch: ReceivedBatch?, _ firstSlot: Int
  ) throws(TransferError) -> [Int: Digest] {
    var result: [Int: Digest] = [:]
    var slot = firstSlot
    let pages = detail.pages(in: shape)
    let first = detail.number * Geometry.pagesPerSegment
    for page in pages {
      if detail.zeroPages[page] {
        result[page] = ZeroDigests.page(length: shape.pageLength(first + page))
      } else if let batch {
        result[page] = batch.pages.digests[slot]
        slot += 1
      }
    }
    for (group, expected) in zip(detail.groups, detail.groupDigests) {
      let start = group * Geometry.pagesPerGroup
      let digests = (start..<start + Geometry.pagesPerGroup).compactMap { result[$0] }
      if SegmentDigests.group(digests[...]) != expected {
        throw input.error("the pages of segment \(detail.number) do not have their digest")
      }
    }
    return result
  }

  /// Looks at the segment as it is now, and what it becomes.
  private func prepare(
    _ detail: DeltaDetails.Segment, _ given: [Int: Digest], _ firstSlot: Int
  ) throws(TransferError) -> Ready {
    let present = try stored { () throws(StorageError) in
      _ = try reader.read(detail.number)
      return unsafe SegmentDigests.hashing(reader.bytes(of: detail.number))
    }
    var groups = present.groups
    for (group, digest) in zip(detail.groups, detail.groupDigests) { groups[group] = digest }
    let pages = detail.pages(in: shape)
    let becoming = SegmentDigests.remembered(
      groups: groups,
      zeroPages: present.zeroPages.subtracting(pages).union(detail.zeroPages),
      pageCount: present.pageCount)
    guard becoming.digest == detail.digest else {
      throw TransferError(
        .target,
        "\(target.name): what the delta leaves as it is in segment \(detail.number) is not what "
          + "it was made against", hint: "make a new delta from a manifest of this image",
        status: hasWritten ? .failed : .refused)
    }
    var differing = PageSet()
    for page in pages where present.pages[page] != given[page] { differing[page] = true }
    counters.add(UInt64(shape.byteCount(of: differing, inSegment: detail.number)), to: .wanted)
    return Ready(detail: detail, digests: becoming, pages: differing, firstSlot: firstSlot)
  }

  private func write(_ ready: Ready, _ batch: ReceivedBatch?) throws(TransferError) {
    let first = ready.detail.number * Geometry.pagesPerSegment
    let zeros = ready.pages.intersection(ready.detail.zeroPages)
    let data = ready.pages.subtracting(ready.detail.zeroPages)
    var slots: [Int: Int] = [:]
    for (index, page) in ready.detail.dataPages(in: shape).enumerated() {
      slots[page] = ready.firstSlot + index
    }
    try stored { () throws(StorageError) in
      for run in zeros.runs {
        let start = shape.pageRange(first + run.lowerBound).lowerBound
        try target.zero(start..<shape.pageRange(first + run.upperBound - 1).upperBound)
      }
      guard let batch else { return }
      for run in data.runs {
        guard let slot = slots[run.lowerBound] else { continue }
        try unsafe batch.withBytes(of: slot..<slot + run.count) { (bytes) throws(StorageError) in
          try unsafe target.write(bytes, at: shape.pageRange(first + run.lowerBound).lowerBound)
        }
      }
    }
    memory?.changed(ready.detail.number, ready.digests)
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
