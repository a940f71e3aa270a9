// SPDX-License-Identifier: Apache-2.0

import Storage

/// Has what was written brought to the disk while the run goes on, so that the flush at its end
/// finds little to do. Thousands of scattered pages keep the one who asks for that waiting, so it
/// is a thread that does nothing else.
///
/// ## Concurrency
/// One thread, from `init` until `stop`; none for an image that is too small to be worth it.
final class EarlyWriteback: Sendable {
  private let isOver: Monitor<Bool>
  private let thread: WorkerThread?

  /// So much is worth asking for.
  private static let leastByteCount = 16 << 20
  private static let pauseSeconds = 0.02

  init(_ image: any CopyTarget) {
    let isOver = Monitor(false)
    self.isOver = isOver
    guard image.byteCount >= UInt64(Self.leastByteCount) else {
      thread = nil
      return
    }
    thread = WorkerThread {
      var asked = 0
      while isOver.wait(seconds: Self.pauseSeconds, { $0 ? true : nil }) == nil {
        let written = image.writtenByteCount
        guard written - asked >= Self.leastByteCount else { continue }
        image.startWriteback()
        asked = written
      }
    }
  }

  func stop() {
    isOver.update { $0 = true }
    thread?.join()
  }
}
