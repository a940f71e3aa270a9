// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A command for `--remote-path` that does something of its own before it becomes blkmove, and
/// leaves its process number, so that a test can kill the far end or see that it has gone.
struct FarEnd: Sendable {
  let command: String
  let pidFile: String

  /// `before` is shell, run at the far end first.
  init(in scratch: Scratch, before: String = ":") throws {
    pidFile = scratch.newPath("far-end-pid")
    let name = "far-end-\(pidFile.split(separator: "-").last!)"
    command = try scratch.writeScript(
      """
      #!/bin/sh
      echo $$ >'\(pidFile)'
      \(before)
      exec '\(Blkmove.binary)' "$@"
      """, to: name)
  }

  var identifier: pid_t? {
    (try? String(contentsOfFile: pidFile, encoding: .utf8))
      .flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// Whether it has gone, or goes within the time.
  func isGone(withinSeconds seconds: Double = 10) -> Bool {
    guard let identifier else { return true }
    let deadline = Date() + seconds
    while Date() < deadline {
      // The machine's first process may leave zombies; they hold nothing.
      let status = (try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8)) ?? ""
      if status.isEmpty || status.contains(") Z ") { return true }
      usleep(20_000)
    }
    return false
  }
}
