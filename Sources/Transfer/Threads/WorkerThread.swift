// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc

/// An operating-system thread that runs one closure and is joined once.
///
/// Blocking reads and writes need threads of their own: in the cooperative pool they would
/// starve each other.
@safe
package struct WorkerThread: @unchecked Sendable {
  private let identifier: pthread_t

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  package init(_ run: @escaping @Sendable () -> Void) {
    var created = pthread_t()
    let context = unsafe Unmanaged.passRetained(Body(run)).toOpaque()
    let status = unsafe pthread_create(
      &created, nil,
      { @Sendable argument in
        unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, context)
    if status != 0 { Exhaustion.end(lacking: "further thread") }
    identifier = created
  }

  package func join() {
    pthread_join(identifier, nil)
  }

  /// How many scanning threads there are where so many are asked for, perhaps by the other end:
  /// 0 is one for each processor that this process may use, within reason.
  package static func count(for wanted: Int) -> Int {
    if wanted > 0 { return min(wanted, maximumCount) }
    let online = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    return min(max(online, 1), maximumDefaultCount)
  }

  /// Each has a buffer of a mebibyte.
  package static let maximumCount = 256
  /// More threads than this only fight over the memory bus.
  package static let maximumDefaultCount = 8
}
