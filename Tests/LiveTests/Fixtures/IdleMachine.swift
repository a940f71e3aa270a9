// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Qemu
import Testing

/// A QEMU without a guest: it can be paused, and its disks can have bitmaps and throttles.
final class IdleMachine {
  let socket: String
  private let process = Process()
  private let scratch = Scratch()

  convenience init(_ options: String...) throws { try self.init(options) }

  init(_ options: [String]) throws {
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

  var address: QmpAddress { .socket(path: socket) }

  /// One command by a client that comes and goes.
  @discardableResult
  func ask(_ command: QmpCommand) throws -> JSON {
    let channel = try QmpSocket(path: socket)
    defer { channel.close() }
    return try channel.execute(command, seconds: 10)
  }

  /// The error that it gives.
  func refusal(of command: QmpCommand) -> String? {
    do {
      try ask(command)
      return nil
    } catch { return (error as? QmpError)?.sentence }
  }

  var status: String? { try? ask(QmpCommand("query-status"))["status"]?.string }

  static let isPossible = access("/usr/bin/qemu-system-x86_64", X_OK) == 0
}

extension Trait where Self == ConditionTrait {
  static var needsQemu: Self {
    .enabled(if: IdleMachine.isPossible, "qemu-system-x86_64 is not here")
  }
}
