// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// A scan of the source that begins before the other end has answered: while ssh connects, some
/// gigabytes of cached image can be read and hashed.
///
/// It gets so far ahead as its window allows, which is what it costs in memory, and waits there.
///
/// ## Concurrency
/// The scan is in a monitor, and leaves it once: to whoever takes it, or to be ended.
final class HeadStart: Sendable {
  private let shape: ImageShape
  private let memory: ScanMemory?
  private let scan: Monitor<ImageScan?>

  /// Segments that may be ahead: some 18 MiB of digests.
  private static let windowCount = 2048

  init(_ image: any ReadableImage, threadCount: Int, memory: ScanMemory? = nil) {
    self.memory = memory
    shape = ImageShape(byteCount: image.byteCount)
    scan = Monitor(
      ImageScan(
        image: image, shape: shape, threadCount: WorkerThread.count(for: threadCount),
        windowCount: Self.windowCount, memory: memory))
  }

  /// The scan, once, if it is of what is wanted, and believes of a manifest no more than may be.
  /// Whoever takes it ends it.
  func take(for wanted: ImageShape, believing wantedTrust: ScanMemory.Trust? = nil) -> ImageScan? {
    guard let taken = scan.exchange(nil) else { return nil }
    if wanted == shape && wantedTrust == memory?.trust { return taken }
    taken.finish()
    return nil
  }

  /// What the scan works with, if it is worth as much as what is wanted.
  func memory(like wanted: ScanMemory?) -> ScanMemory? {
    wanted?.trust == memory?.trust ? memory : nil
  }

  /// Ends what nobody has taken.
  func stop() {
    scan.exchange(nil)?.finish()
  }
}

extension Monitor<ImageScan?> {
  fileprivate func exchange(_ new: ImageScan?) -> ImageScan? {
    update { state in
      let old = state
      state = new
      return old
    }
  }
}
