// SPDX-License-Identifier: Apache-2.0

import Wire

/// Tells the other end now and then how far this one is, so that its user sees the truth and a
/// long silence never means that something is wrong.
///
/// ## Concurrency
/// One thread of its own, from `init` until `stop`.
final class ProgressTeller: Sendable {
  private let isOver: Monitor<Bool>
  private let thread: WorkerThread?

  /// `milliseconds` of 0 is never.
  init(_ connection: Connection, counters: Counters, milliseconds: UInt32) {
    let isOver = Monitor(false)
    self.isOver = isOver
    guard milliseconds > 0 else {
      thread = nil
      return
    }
    let seconds = Double(milliseconds) / 1000
    thread = WorkerThread {
      while isOver.wait(seconds: seconds, { $0 ? true : nil }) == nil {
        connection.sendIfIdle(.progress(counters.forTheOtherEnd))
      }
    }
  }

  func stop() {
    isOver.update { $0 = true }
    thread?.join()
  }
}

extension Counters {
  /// Which side of the conversation sent its counters.
  enum Speaker {
    case source, target
  }

  var forTheOtherEnd: ProgressCounters {
    let now = snapshot
    return ProgressCounters(
      scanned: now.scanned, equal: now.equal, zero: now.zero, found: now.found,
      wanted: now.wanted, received: now.sent, written: now.sent + now.found, verified: 0)
  }

  /// The target knows what became of each page; of the source's progress nothing is needed that
  /// the target does not know itself.
  func take(_ progress: ProgressCounters, from speaker: Speaker) {
    guard speaker == .target else { return }
    // Sums of several must stay in range, whatever somebody says.
    let limit = WireLimits.imageByteCount
    set(.equal, to: min(progress.equal, limit))
    set(.zero, to: min(progress.zero, limit))
    set(.found, to: min(progress.found, limit))
    set(.wanted, to: min(progress.wanted, limit))
    set(.sent, to: min(progress.received, limit))
  }
}
