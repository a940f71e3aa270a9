// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Scans the target, and then its seeds, as fast as the machine can: tells the source the
/// digests of the target's segments, and fills the index of what there is to copy from.
///
/// It runs ahead of the conversation, because content that lies further on should be found too,
/// but only so far that what it remembers stays bounded.
///
/// ## Concurrency
/// Runs on a thread of its own; the ledger and the index are the engine's too, each behind its
/// monitor.
final class TargetScanner: Sendable {
  private let image: any ReadableImage
  private let seeds: [any ReadableImage]
  /// Those of them that are not read unless they are asked for, by their number from 1.
  private let remembered: Set<Int>
  private let shape: ImageShape
  private let width: DigestWidth
  private let threadCount: Int
  private let connection: Connection
  private let ledger: Monitor<Ledger>
  private let index: Monitor<ContentIndex>?
  private let memory: ScanMemory?
  private let visitZeros: (@Sendable (Range<UInt64>) -> Void)?
  private let hasStopped = Monitor(false)

  /// Segments in one message: small, because the source waits for the first ones.
  private static let segmentsPerMessage = 32
  /// How many segments with data the scan may be ahead of the source's announcements.
  private static let leadLimit = WireLimits.waitingDigestCount

  /// `index` is nil when nothing is looked for elsewhere. `visitZeros` hears of zeros in the
  /// target before the source hears of their segment: until then nothing is written there.
  init(
    image: any ReadableImage, seeds: [any ReadableImage], remembered: Set<Int> = [],
    shape: ImageShape, width: DigestWidth, threadCount: Int, connection: Connection,
    ledger: Monitor<Ledger>,
    index: Monitor<ContentIndex>?, memory: ScanMemory? = nil,
    visitZeros: (@Sendable (Range<UInt64>) -> Void)? = nil
  ) {
    self.image = image
    self.seeds = seeds
    self.remembered = remembered
    self.shape = shape
    self.width = width
    self.threadCount = WorkerThread.count(for: threadCount)
    self.connection = connection
    self.ledger = ledger
    self.index = index
    self.memory = memory
    self.visitZeros = visitZeros
  }

  /// Lets `run` return soon.
  func stop() {
    hasStopped.update { $0 = true }
    ledger.update { _ in }
  }

  /// Fills the index of a target that did not have to be read to be compared.
  func indexTarget() throws(StorageError) {
    try scan(image, shape: shape) { item in
      if case .data(let segment, let digests) = item { add(digests, of: segment, image: 0) }
      return true
    }
  }

  /// Scans everything; a target that is known, or empty, needs no scan.
  func run(scansTarget: Bool) throws(StorageError) {
    if scansTarget { try scanTarget() }
    guard index != nil else { return }
    for image in 1..<seeds.count + 1 where !remembered.contains(image) { try scanSeed(image) }
  }

  /// Fills the index with what the seeds have that did not have to be read.
  func indexRemembered() throws(StorageError) {
    for image in remembered.sorted() { try scanSeed(image) }
  }

  private func scanSeed(_ image: Int) throws(StorageError) {
    let seed = seeds[image - 1]
    try scan(seed, shape: ImageShape(byteCount: seed.byteCount)) { item in
      if case .data(let segment, let digests) = item { add(digests, of: segment, image: image) }
      return true
    }
  }

  private func scanTarget() throws(StorageError) {
    var runs = SegmentRuns(first: 0, width: width)
    try scan(image, shape: shape, memory: memory, visitZeros: visitZeros) { item in
      switch item {
      case .zero(let segments):
        ledger.update { $0.scan(zeroSegments: segments.count) }
        runs.append(zeroSegments: segments.count)
      case .data(let segment, let digests):
        add(digests, of: segment, image: 0)
        guard waitForSource() else { return false }
        let entry = Ledger.Entry(
          digest: digests.digest,
          zeroByteCount: shape.byteCount(of: digests.zeroPages, inSegment: segment))
        ledger.update { $0.scan(entry) }
        runs.append(digests.digest)
      }
      if runs.segmentCount >= Self.segmentsPerMessage || runs.isFull { send(&runs) }
      return true
    }
    if !runs.isEmpty { send(&runs) }
  }

  private func send(_ runs: inout SegmentRuns) {
    connection.send(.segments(runs))
    runs = SegmentRuns(first: runs.range.upperBound, width: width)
  }

  /// Blocks while the scan is too far ahead; false when it should stop.
  private func waitForSource() -> Bool {
    ledger.wait { ledger in
      if self.hasStopped.peek({ $0 }) { return false }
      return ledger.waitingDataCount < Self.leadLimit ? true : nil
    }
  }

  private func scan(
    _ image: any ReadableImage, shape: ImageShape,
    memory: ScanMemory? = nil, visitZeros: (@Sendable (Range<UInt64>) -> Void)? = nil,
    _ body: (ImageScan.Item) -> Bool
  ) throws(StorageError) {
    let scan = ImageScan(
      image: image, shape: shape, threadCount: threadCount, memory: memory,
      visitZeros: visitZeros)
    defer { scan.finish() }
    while !hasStopped.peek({ $0 }), let item = try scan.next() {
      if !body(item) { return }
    }
  }

  private func add(_ digests: SegmentDigests, of segment: Int, image: Int) {
    guard let index else { return }
    let first = segment * Geometry.pagesPerSegment
    index.peek { index in
      for page in 0..<digests.pages.count where !digests.zeroPages[page] {
        let location = PageLocation(image: image, page: first + page)
        index.insert(name: digests.pages[page].name, location: location.packed)
      }
    }
  }
}
