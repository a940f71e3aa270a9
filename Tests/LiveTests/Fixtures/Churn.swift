// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// Somebody who makes and removes files in a directory, and gives their space back.
final class Churn {
  private let process = Process()

  init(in path: String) throws {
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-c",
      """
      cd "$0" && while :; do
        mkdir d; for n in 1 2 3 4 5; do head -c 70000 /dev/urandom >d/$n; done; sync -f .
        rm -r d; fstrim . ; done
      """, path,
    ]
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  func stop() {
    guard process.isRunning else { return }
    // Foundation gives every process a group of its own.
    kill(-process.processIdentifier, SIGKILL)
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  deinit { stop() }
}
