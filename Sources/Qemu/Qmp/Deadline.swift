// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A moment until which something is waited for.
struct Deadline: Sendable {
  private let moment: Double

  init(seconds: Double) { moment = Self.now + seconds }

  var remainingSeconds: Double { max(0, moment - Self.now) }
  var isOver: Bool { remainingSeconds == 0 }

  /// For poll(2).
  var milliseconds: Int32 { Int32(min(remainingSeconds, 3600) * 1000 + 0.999) }

  private static var now: Double {
    var moment = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &moment)
    return Double(moment.tv_sec) + Double(moment.tv_nsec) / 1e9
  }

  static func sleep(seconds: Double) { usleep(UInt32(seconds * 1e6)) }
}
