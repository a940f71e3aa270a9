// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Live

/// A QEMU without a guest: it can be paused, and its disks can have bitmaps and throttles.
final class IdleMachine {
  let socket: String
  private let process = Process()
  private let scratch = Scratch()

  init(_ options: String...) throws {
    socket = scratch.file("qmp")
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      [
        "qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display", "none", "-accel",
        "tcg", "-qmp", "unix:\(socket),server=on,wait=off",
      ] + options
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let socket = socket
    _ = Processes.eventually(withinSeconds: 20) { access(socket, F_OK) == 0 }
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  func quit() {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// One command by a client that comes and goes.
  func ask(_ line: String) -> QmpExchange.Answer {
    QmpExchange(.socket(socket), answerSeconds: 10).execute(line)
  }

  var status: String? {
    guard case .returned(let value) = ask(#"{"execute":"query-status"}"#) else { return nil }
    return value["status"]
  }

  static let isPossible = access("/usr/bin/qemu-system-x86_64", X_OK) == 0
}

extension Trait where Self == ConditionTrait {
  static var needsQemu: Self { .enabled(if: IdleMachine.isPossible, "needs qemu-system-x86_64") }
}
