// SPDX-License-Identifier: Apache-2.0

/// The exit statuses of the command: one table, which the manual page and the help print.
package enum ExitStatus: UInt8, CaseIterable, Sendable {
  case done = 0
  case failed = 1
  case usage = 2
  case differ = 3
  case remote = 4
  case interrupted = 5
  case refused = 6
  case notConverging = 7

  package var meaning: String {
    switch self {
    case .done: "done and confirmed"
    case .failed: "failed"
    case .usage: "usage: the command line does not make sense"
    case .differ: "the images differ (verify)"
    case .remote: "the other end or the protocol failed"
    case .interrupted: "interrupted; run again to go on"
    case .refused: "refused for safety; nothing was changed"
    case .notConverging: "a live copy does not converge; the writer runs on"
    }
  }
}
