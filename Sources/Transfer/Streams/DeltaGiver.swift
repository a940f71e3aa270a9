// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Writes the second part of a delta: the changed groups with their pages, in batches, and the
/// segments that become zero, as ranges.
final class DeltaGiver {
  struct Given {
    var chain: Digest
    var pageByteCount: UInt64
  }

  private let image: any CopySource
  private let shape: ImageShape
  private let output: StreamOutput
  private let counters: Counters
  private let reader: SegmentReader
  private var batch: DataBatchBuilder
  private var pilot: CompressionPilot
  private let compressor = Compressor()
  /// When the present batch was begun.
  private var batchStart = Clock.now
  private var details = DeltaDetails()
  private var chain = ChangeChain()
  private var pageByteCount: UInt64 = 0

  init(image: any CopySource, output: StreamOutput, compression: Compression, counters: Counters) {
    self.image = image
    self.output = output
    self.counters = counters
    shape = ImageShape(byteCount: image.byteCount)
    reader = SegmentReader(image: image, shape: shape)
    batch = DataBatchBuilder(shape: shape)
    pilot = CompressionPilot(compression)
  }

  func give(_ list: ChangeList) throws(TransferError) -> Given {
    var list = list
    try list.forEach { (change) throws(TransferError) in
      switch change {
      case .zeros(let segments):
        try flush()
        try output.write(
          .zero(SegmentRange(first: segments.lowerBound, count: segments.count)))
        chain.add(zeros: segments)
      case .groups(let groups, let segment): try give(groups, of: segment)
      }
    }
    try flush()
    return Given(chain: chain.finish(), pageByteCount: pageByteCount)
  }

  /// Everything of a segment goes into one batch.
  private func give(_ groups: GroupSet, of segment: Int) throws(TransferError) {
    let bytes = try unsafe read(segment)
    let digests = unsafe SegmentDigests.hashing(bytes)
    var detail = DeltaDetails.Segment(
      number: segment, groups: groups, zeroPages: PageSet(), digest: digests.digest,
      groupDigests: groups.map { digests.groups[$0] })
    detail.zeroPages = digests.zeroPages.intersection(detail.pages(in: shape))
    let pages = detail.dataPages(in: shape)
    if details.isFull || batch.fitting(pages, of: segment) != pages { try flush() }
    details.segments.append(detail)
    chain.add(segment: segment, digest: digests.digest)
    if pages.isEmpty { return }
    unsafe batch.append(pages, of: segment) { room in
      var filled = 0
      for run in pages.runs {
        let start = run.lowerBound * Geometry.pageByteCount
        let end = min(run.upperBound * Geometry.pageByteCount, bytes.count)
        let place = unsafe UnsafeMutableRawBufferPointer(rebasing: room[filled...])
        unsafe place.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        filled += end - start
      }
    }
  }

  @unsafe private func read(_ segment: Int) throws(TransferError) -> UnsafeRawBufferPointer {
    do throws(StorageError) {
      _ = try reader.read(segment)
      return unsafe reader.bytes(of: segment)
    } catch {
      throw TransferError(.source, error)
    }
  }

  private func flush() throws(TransferError) {
    if details.segments.isEmpty { return }
    try output.write(.details(details))
    details = DeltaDetails()
    if batch.isEmpty { return }
    let rawByteCount = batch.pageByteCount
    let frame = batch.finish(compressor, level: pilot.level)
    let begin = Clock.now
    try output.write(frame: frame)
    let end = Clock.now
    pilot.observe(
      linkWasBusy: end - begin > Self.patienceSeconds, rawByteCount: rawByteCount,
      seconds: end - batchStart)
    batchStart = end
    pageByteCount += UInt64(rawByteCount)
    counters.add(UInt64(rawByteCount), to: .sent)
  }

  /// A pipe that takes a batch faster than this has room.
  private static let patienceSeconds = 0.001
}
