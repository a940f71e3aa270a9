// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization

/// Takes away what the tests put on the machine, also when they are killed: a shell that waits
/// for the end of its standard input, which only this process holds open, and then does what it
/// was told, last thing first.
///
/// ## Concurrency
/// A line is written whole under the lock.
final class Janitor: Sendable {
  static let shared = Janitor()

  private let state: Mutex<(input: Int32, identifier: pid_t, count: Int)>

  private static let script = """
    trap '' HUP INT TERM
    declare -a jobs
    while IFS= read -r line; do
      number=${line%% *}
      jobs[$number]=${line#* }
    done
    for ((i = ${#jobs[@]} - 1; i >= 0; i--)); do eval "${jobs[i]}"; done >/dev/null 2>&1
    """

  private init() {
    do {
      let (reading, writing) = try Spawn.pipe()
      let identifier = try Spawn.start(
        ["/bin/bash", "-c", Self.script], environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
        input: .descriptor(reading), isNewSession: true)
      close(reading)
      state = Mutex((writing, identifier, 0))
    } catch {
      fatalError("no janitor: \(error)")
    }
    atexit { Janitor.shared.finish() }
  }

  /// Remembers a line of shell to run at the end and returns its number.
  @discardableResult
  func atEnd(_ line: String) -> Int {
    state.withLock { state in
      let number = state.count
      state.count += 1
      Self.write("\(number) \(line)\n", to: state.input)
      return number
    }
  }

  /// Forgets a line: what it would take away is gone.
  func forget(_ number: Int) {
    state.withLock { Self.write("\(number) :\n", to: $0.input) }
  }

  private func finish() {
    state.withLock { state in
      close(state.input)
      var status: Int32 = 0
      waitpid(state.identifier, &status, 0)
    }
  }

  private static func write(_ line: String, to input: Int32) {
    _ = line.withCString { Glibc.write(input, $0, strlen($0)) }
  }
}
