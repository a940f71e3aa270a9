// SPDX-License-Identifier: Apache-2.0

package import Blocks
package import Storage

/// Reads and hashes an image in ascending order with several threads, and hands out what it
/// finds in that order. Holes are not read, zeros are not hashed.
///
/// Memory is a window of results, whatever the image's size: a worker that is too far ahead
/// of the consumer waits.
///
/// `visitZeros` hears, on a worker's thread, of bytes that were not in a large hole and are zero,
/// before the segment that they are in is handed out.
///
/// ## Concurrency
/// `cursor` says what is to be read next and is guarded by its monitor; results cross to the
/// consumer in `ring`, one slot for each ticket in the window. One consumer calls `next()`.
package final class ImageScan: Sendable {
  /// A piece of the image, in ascending order and without gaps.
  package enum Item: Sendable {
    /// Whole segments in which every byte is zero.
    case zero(Range<Int>)
    case data(segment: Int, digests: SegmentDigests)
  }

  private struct Cursor {
    var segment = 0
    var ticket = 0
    /// What is known to hold data from `segment` on; beyond it the image must be asked.
    var dataEnd: UInt64 = 0
    var hasStopped = false
  }

  private struct Ring {
    var slots: [Result<Item, StorageError>?]
    var next = 0
    var endTicket: Int?
    var hasStopped = false
  }

  private enum Task {
    case zero(Range<Int>)
    case read(segment: Int)
  }

  private let image: any ReadableImage
  private let shape: ImageShape
  private let cursor = Monitor(Cursor())
  private let ring: Monitor<Ring>
  private let threads: [WorkerThread]

  /// Results that may wait for the consumer, where nothing else is asked for.
  package static let windowCount = 64

  package init(
    image: any ReadableImage, shape: ImageShape, threadCount: Int,
    windowCount: Int = ImageScan.windowCount, memory: ScanMemory? = nil,
    visitZeros: (@Sendable (Range<UInt64>) -> Void)? = nil
  ) {
    self.image = image
    self.shape = shape
    ring = Monitor(Ring(slots: .init(repeating: nil, count: windowCount)))
    let worker = Worker(
      image: image, shape: shape, cursor: cursor, ring: ring, memory: memory,
      visitZeros: visitZeros)
    let count = min(max(threadCount, 1), max(shape.segmentCount, 1))
    threads = (0..<count).map { _ in WorkerThread { worker.run() } }
  }

  /// The next piece, or nil at the end of the image.
  package func next() throws(StorageError) -> Item? {
    let result = ring.wait { ring -> Result<Item, StorageError>?? in
      if ring.hasStopped || ring.next == ring.endTicket { return .some(nil) }
      let slot = ring.next % ring.slots.count
      guard let result = ring.slots[slot] else { return nil }
      ring.slots[slot] = nil
      ring.next += 1
      return .some(result)
    }
    return try result?.get()
  }

  /// Ends the threads; must be called once, whether or not the end was reached.
  package func finish() {
    cursor.update { $0.hasStopped = true }
    ring.update { $0.hasStopped = true }
    for thread in threads { thread.join() }
  }

  /// What the threads share; a class of its own so that they do not keep the scan alive.
  private final class Worker: Sendable {
    let image: any ReadableImage
    let shape: ImageShape
    let cursor: Monitor<Cursor>
    let ring: Monitor<Ring>
    let memory: ScanMemory?
    let visitZeros: (@Sendable (Range<UInt64>) -> Void)?

    init(
      image: any ReadableImage, shape: ImageShape, cursor: Monitor<Cursor>, ring: Monitor<Ring>,
      memory: ScanMemory?, visitZeros: (@Sendable (Range<UInt64>) -> Void)?
    ) {
      self.image = image
      self.shape = shape
      self.cursor = cursor
      self.ring = ring
      self.memory = memory
      self.visitZeros = visitZeros
    }

    func run() {
      let reader = SegmentReader(image: image, shape: shape)
      while let (ticket, task) = nextTask() {
        let result: Result<Item, StorageError>
        do throws(StorageError) {
          result = .success(try perform(task.get(), with: reader))
        } catch {
          result = .failure(error)
        }
        guard deliver(result, ticket: ticket) else { return }
        if case .failure = result { return }
      }
    }

    private func perform(_ task: Task, with reader: SegmentReader) throws(StorageError) -> Item {
      switch task {
      case .zero(let segments):
        if let memory, memory.trust != .records, !memory.notesChanges {
          memory.learn(zeros: segments)
        }
        return .zero(segments)
      case .read(let segment):
        guard let digests = try digests(of: segment, with: reader) else {
          visitZeros?(shape.segmentRange(segment))
          return .zero(segment..<segment + 1)
        }
        visitZeroPages(digests.zeroPages, of: segment)
        return .data(segment: segment, digests: digests)
      }
    }

    /// Nil for zeros.
    private func digests(
      of segment: Int, with reader: SegmentReader
    ) throws(StorageError) -> SegmentDigests? {
      guard let memory else { return try reader.digests(of: segment) }
      switch memory.remembered(segment) {
      case .zero: return nil
      case .record(let record):
        return record.digests(pageCount: shape.pageCount(inSegment: segment))
      case .unknown: break
      }
      let record = memory.trust == .nothing ? nil : memory.manifest.record(of: segment)
      let (digests, fingerprints) = try reader.digests(
        of: segment, against: record, using: memory.manifest.secret)
      memory.learn(digests, fingerprints, of: segment)
      return digests
    }

    private func visitZeroPages(_ pages: PageSet, of segment: Int) {
      guard let visitZeros else { return }
      let first = segment * Geometry.pagesPerSegment
      for run in pages.runs {
        let start = shape.pageRange(first + run.lowerBound).lowerBound
        visitZeros(start..<shape.pageRange(first + run.upperBound - 1).upperBound)
      }
    }

    /// Takes the next piece of work; nil when there is none or the scan was stopped.
    private func nextTask() -> (ticket: Int, task: Result<Task, StorageError>)? {
      let taken = cursor.peek { cursor -> (Int, Result<Task, StorageError>)? in
        guard !cursor.hasStopped, cursor.segment < shape.segmentCount else { return nil }
        let task: Result<Task, StorageError>
        do throws(StorageError) {
          task = .success(try advance(&cursor))
        } catch {
          cursor.hasStopped = true
          task = .failure(error)
        }
        cursor.ticket += 1
        return (cursor.ticket - 1, task)
      }
      if taken == nil {
        let end = cursor.peek { $0.ticket }
        ring.update { $0.endTicket = end }
      }
      return taken
    }

    private func advance(_ cursor: inout Cursor) throws(StorageError) -> Task {
      let first = cursor.segment
      let start = shape.segmentRange(first).lowerBound
      if let end = memory?.zeroEnd(from: first) {
        cursor.segment = end > first ? end : first + 1
        return end > first ? .zero(first..<end) : .read(segment: first)
      }
      if start >= cursor.dataEnd {
        let extent = try image.extent(at: start)
        if extent.isHole {
          let end = extent.range.upperBound
          // A hole that ends inside a segment leaves that segment to be read.
          let last =
            end >= shape.byteCount
            ? shape.segmentCount : Int(end / UInt64(Geometry.segmentByteCount))
          if last > first {
            cursor.segment = last
            return .zero(first..<last)
          }
        } else {
          cursor.dataEnd = extent.range.upperBound
        }
      }
      cursor.segment += 1
      return .read(segment: first)
    }

    private func deliver(_ result: Result<Item, StorageError>, ticket: Int) -> Bool {
      ring.wait { ring -> Bool? in
        if ring.hasStopped { return false }
        guard ticket < ring.next + ring.slots.count else { return nil }
        ring.slots[ticket % ring.slots.count] = result
        return true
      }
    }
  }
}
