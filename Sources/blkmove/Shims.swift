// SPDX-License-Identifier: Apache-2.0

import Glibc

enum Announcement: Equatable, Sendable {
  case note(String)
  case remoteLine(host: String, line: String)
}
typealias Announce = @Sendable (Announcement) -> Void

enum Clock {
  static var now: Double {
    var moment = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &moment)
    return Double(moment.tv_sec) + Double(moment.tv_nsec) / 1e9
  }
}

@safe
struct WorkerThread: @unchecked Sendable {
  private let identifier: pthread_t

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  init(_ run: @escaping @Sendable () -> Void) {
    var created = pthread_t()
    let context = unsafe Unmanaged.passRetained(Body(run)).toOpaque()
    let status = unsafe pthread_create(
      &created, nil,
      { @Sendable argument in
        unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, context)
    precondition(status == 0, "no thread can be started")
    identifier = created
  }
}
