// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Walks two images of one shape side by side with several threads, a segment at a time. Where
/// both have a hole nothing is read; bytes that lie side by side need no digest to be compared.
///
/// ## Concurrency
/// `cursor` hands out segments and keeps the first failure, each under its monitor. `body` runs
/// on every thread at once, each with a pair of buffers of its own.
struct PairWalk {
  /// One segment of both images.
  @safe
  struct Pair {
    let segment: Int
    @unsafe let source: UnsafeRawBufferPointer
    /// Nil where the target is known to be zero, or was not asked for.
    @unsafe let target: UnsafeRawBufferPointer?
  }

  private struct Cursor {
    var segment = 0
    var sourceDataEnd: UInt64 = 0
    var targetDataEnd: UInt64 = 0
    var failure: TransferError?
  }

  let source: any ReadableImage
  /// Nil when the target is not to be read.
  let target: (any ReadableImage)?
  let shape: ImageShape
  let threadCount: Int

  /// Visits everything; `zero` gets what is a hole in both.
  func run(
    zero: @escaping @Sendable (Range<Int>) throws(StorageError) -> Void,
    body: @escaping @Sendable (Pair) throws(StorageError) -> Void
  ) throws(TransferError) {
    let cursor = Monitor(Cursor())
    let work: @Sendable () -> Void = {
      let reader = PairReader(source: source, target: target, shape: shape)
      do throws(TransferError) {
        while let task = try next(cursor) {
          try visit(task, with: reader, zero: zero, body: body)
        }
      } catch {
        cursor.update { if $0.failure == nil { $0.failure = error } }
      }
    }
    let count = min(threadCount, max(shape.segmentCount, 1))
    let others = (1..<max(count, 1)).map { _ in WorkerThread(work) }
    work()
    for thread in others { thread.join() }
    if let failure = cursor.peek({ $0.failure }) { throw failure }
  }

  /// What fails in a visitor is the target: the source was read before.
  private func visit(
    _ task: Task, with reader: PairReader, zero: (Range<Int>) throws(StorageError) -> Void,
    body: (Pair) throws(StorageError) -> Void
  ) throws(TransferError) {
    if case .pair(let segment) = task { try reader.read(segment) }
    do throws(StorageError) {
      switch task {
      case .zero(let segments): try zero(segments)
      case .pair(let segment): try body(reader.pair(segment))
      }
    } catch {
      throw TransferError(.target, error)
    }
  }

  private enum Task {
    case zero(Range<Int>)
    case pair(Int)
  }

  private func next(_ cursor: Monitor<Cursor>) throws(TransferError) -> Task? {
    try cursor.peek { cursor -> Result<Task?, TransferError> in
      guard cursor.failure == nil, cursor.segment < shape.segmentCount else {
        return .success(nil)
      }
      do throws(TransferError) {
        return .success(try advance(&cursor))
      } catch {
        return .failure(error)
      }
    }.get()
  }

  private func advance(_ cursor: inout Cursor) throws(TransferError) -> Task {
    let first = cursor.segment
    let start = shape.segmentRange(first).lowerBound
    var hole = shape.byteCount
    hole = min(hole, try holeEnd(of: source, .source, at: start, &cursor.sourceDataEnd))
    if let target {
      hole = min(hole, try holeEnd(of: target, .target, at: start, &cursor.targetDataEnd))
    }
    let end =
      hole == shape.byteCount
      ? shape.segmentCount : Int(hole / UInt64(Geometry.segmentByteCount))
    cursor.segment = max(end, first + 1)
    return end > first ? .zero(first..<end) : .pair(first)
  }

  /// Where the hole at `start` ends; `start` itself when there is data.
  private func holeEnd(
    of image: any ReadableImage, _ end: TransferError.End, at start: UInt64,
    _ dataEnd: inout UInt64
  ) throws(TransferError) -> UInt64 {
    if start < dataEnd { return start }
    do throws(StorageError) {
      let extent = try image.extent(at: start)
      if extent.isHole { return extent.range.upperBound }
      dataEnd = extent.range.upperBound
      return start
    } catch {
      throw TransferError(end, error)
    }
  }
}

/// The two buffers of one thread, and how they are filled.
private final class PairReader {
  private let source: SegmentReader
  private let target: SegmentReader?
  private let shape: ImageShape
  private var targetIsHole = false

  init(source: any ReadableImage, target: (any ReadableImage)?, shape: ImageShape) {
    self.source = SegmentReader(image: source, shape: shape)
    self.target = target.map { SegmentReader(image: $0, shape: shape) }
    self.shape = shape
  }

  func read(_ segment: Int) throws(TransferError) {
    do throws(StorageError) {
      _ = try source.read(segment)
    } catch {
      throw TransferError(.source, error)
    }
    do throws(StorageError) {
      targetIsHole = try !(target?.read(segment) ?? false)
    } catch {
      throw TransferError(.target, error)
    }
  }

  func pair(_ segment: Int) -> PairWalk.Pair {
    let theirs = targetIsHole ? nil : target
    return unsafe PairWalk.Pair(
      segment: segment, source: source.bytes(of: segment), target: theirs?.bytes(of: segment))
  }
}
