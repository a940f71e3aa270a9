// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Reads the pages that the target asked for, gathers them into batches of a mebibyte,
/// compresses those where it pays and puts them on the wire.
///
/// Runs on threads of its own, so that reading and compressing overlap with scanning and with the
/// wire. Several may take from one queue where the order of the pages does not matter.
final class PageSender: Sendable {
  enum Task: Sendable {
    case pages(WantedPages)
    /// Goes out behind every page that was asked for before it.
    case message(Message)
  }

  private let image: any ReadableImage
  private let shape: ImageShape
  private let tasks: BoundedQueue<Task>
  private let connection: Connection
  private let pilot: Monitor<CompressionPilot>
  private let fail: @Sendable (TransferError) -> Void

  /// How long a batch that is not full waits for more: nothing beside a round trip.
  private static let lingerSeconds = 0.002

  init(
    image: any ReadableImage, shape: ImageShape, tasks: BoundedQueue<Task>,
    connection: Connection, pilot: Monitor<CompressionPilot>,
    fail: @escaping @Sendable (TransferError) -> Void
  ) {
    self.image = image
    self.shape = shape
    self.tasks = tasks
    self.connection = connection
    self.pilot = pilot
    self.fail = fail
  }

  func run() {
    do throws(TransferError) {
      try send()
    } catch {
      fail(error)
      tasks.abandon()
    }
  }

  /// What one thread gathers at a time.
  private struct Batch {
    var pages: DataBatchBuilder
    let compressor = Compressor()
    /// When it was begun: time without anything to do is nobody's fault.
    var start = 0.0
  }

  private func send() throws(TransferError) {
    var batch = Batch(pages: DataBatchBuilder(shape: shape))
    while true {
      let task: Task
      if batch.pages.isEmpty {
        guard let next = tasks.take() else { return }
        task = next
        batch.start = Clock.now
      } else {
        switch tasks.take(seconds: Self.lingerSeconds) {
        case .item(let next): task = next
        case .closed: return flush(&batch)
        case .nothingYet:
          flush(&batch)
          continue
        }
      }
      switch task {
      case .pages(let wanted):
        try add(wanted, to: &batch)
      case .message(let message):
        flush(&batch)
        connection.send(message)
      }
    }
  }

  /// A segment is never torn apart, so that a target that gets everything unasked knows what
  /// is not in it to be zero.
  private func add(
    _ wanted: WantedPages, to batch: inout Batch
  ) throws(TransferError) {
    let (segment, pages) = (wanted.segment, wanted.pages)
    if batch.pages.fitting(pages, of: segment) != pages { flush(&batch) }
    do throws(StorageError) {
      try unsafe batch.pages.append(pages, of: segment) { (bytes) throws(StorageError) in
        try unsafe image.read(pages, of: segment, shape: shape, into: bytes)
      }
    } catch {
      throw TransferError(.source, error)
    }
  }

  private func flush(_ batch: inout Batch) {
    guard !batch.pages.isEmpty else { return }
    let rawByteCount = batch.pages.pageByteCount
    let entries = batch.pages.entries
    let level = pilot.peek { $0.level }
    let frame = batch.pages.finish(batch.compressor, level: level)
    let linkWasBusy = connection.sendBulk(frame, of: entries)
    let now = Clock.now
    let seconds = now - batch.start
    batch.start = now
    pilot.peek {
      $0.observe(linkWasBusy: linkWasBusy, rawByteCount: rawByteCount, seconds: seconds)
    }
  }
}
