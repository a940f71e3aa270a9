// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What was asked of the meter on its command line. A wrong command line is the test's own
/// mistake, so it ends the meter with a sentence and status 64.
struct Options: Sendable {
  /// What happens when the stated number of bytes has passed.
  enum Event: Sendable {
    case nothing, cut, stall, flip, killParent
    case kill(pidFile: String)
  }

  var recordPath: String?
  var delayMilliseconds: UInt64 = 0
  var position = UInt64.max
  var event = Event.nothing
  var command: [String] = []

  init(_ arguments: [String]) {
    var rest = arguments.dropFirst()
    while let word = rest.popFirst(), word != "--" {
      switch word {
      case "--record": recordPath = rest.popFirst()
      case "--delay": delayMilliseconds = rest.popFirst().flatMap { UInt64($0) } ?? 0
      case "--at": position = rest.popFirst().flatMap { UInt64($0) } ?? 0
      case "--cut": event = .cut
      case "--stall": event = .stall
      case "--flip": event = .flip
      case "--kill-parent": event = .killParent
      case "--kill": event = .kill(pidFile: rest.popFirst() ?? "")
      default: Self.stop("unknown option \(word)")
      }
    }
    command = Array(rest)
    if command.isEmpty { Self.stop("no command") }
  }

  static func stop(_ reason: String, status: Int32 = 64) -> Never {
    let line = "meter: \(reason)\n"
    _ = line.withCString { write(2, $0, strlen($0)) }
    exit(status)
  }
}
