// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Time that only goes forward, for rates, limits and patience.
package enum Clock {
  /// Seconds since some moment before the program started.
  package static var now: Double {
    var moment = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &moment)
    return Double(moment.tv_sec) + Double(moment.tv_nsec) / 1e9
  }

  package static func sleep(seconds: Double) {
    guard seconds > 0 else { return }
    var moment = timespec(
      tv_sec: Int(seconds), tv_nsec: Int((seconds - seconds.rounded(.down)) * 1e9))
    var rest = timespec()
    while unsafe nanosleep(&moment, &rest) == -1 && errno == EINTR { moment = rest }
  }
}
