// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What happens when the machine has no memory, or no thread, left for this process.
///
/// There is nothing to be done about it here, and every room is built so that the process may die
/// at any moment without harm to an image: it ends with a sentence instead of a trap. Nothing on
/// this way allocates anything.
package enum Exhaustion {
  /// `what` was not to be had.
  package static func end(lacking what: StaticString) -> Never {
    say("blkmove: the system gives this process no ")
    say(what)
    say("\n")
    say("hint: raise its limit (ulimit, systemd, cgroup), or ask for less: --threads")
    say(", --index-memory\n")
    _exit(failedStatus)
  }

  private static func say(_ words: StaticString) {
    _ = unsafe write(STDERR_FILENO, words.utf8Start, words.utf8CodeUnitCount)
  }

  private static let failedStatus: Int32 = 1
}
