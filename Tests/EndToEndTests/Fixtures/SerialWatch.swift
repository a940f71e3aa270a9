// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization

/// Watches from outside how regularly a guest says something: what a user of it would notice of a
/// pause.
///
/// ## Concurrency
/// A thread of its own looks at the size of the file every two milliseconds; what it saw is under
/// the lock.
final class SerialWatch: Sendable {
  private struct Seen {
    var moments: [Double] = []
    var isStopped = false
  }

  private let seen = Mutex(Seen())

  init(_ line: SerialLine) {
    let path = line.path
    Thread.detachNewThread { [weak self] in
      var last: off_t = -1
      while true {
        var status = stat()
        stat(path, &status)
        let now = Self.now
        let hasGrown = status.st_size != last
        last = status.st_size
        guard let self else { return }
        let isStopped = self.seen.withLock { seen in
          if hasGrown { seen.moments.append(now) }
          return seen.isStopped
        }
        if isStopped { return }
        usleep(2000)
      }
    }
  }

  deinit { stop() }

  func stop() { seen.withLock { $0.isStopped = true } }

  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// The longest time between two signs of life since a moment, the one that lasts included.
  func longestSilence(since start: Double = 0) -> Double {
    let moments = seen.withLock { $0.moments }.filter { $0 >= start } + [Self.now]
    return zip(moments, moments.dropFirst()).map { $1 - $0 }.max() ?? 0
  }

  /// When it was last heard of.
  var lastMoment: Double { seen.withLock { $0.moments.last } ?? 0 }
}
