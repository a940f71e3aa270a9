// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// The writer of the guests on this machine: it writes to a file system that is mounted here, for
/// what moves disks without a virtual machine.
final class HostWriter {
  let pattern: GuestWriter
  let serial: SerialLine
  private let identifier: pid_t

  init(_ pattern: GuestWriter, to directory: String, in scratch: Scratch) throws {
    self.pattern = pattern
    serial = SerialLine(path: scratch.newPath("acknowledged"))
    identifier = try Spawn.start(
      [try GuestParts.shared.get().writer, "write"] + pattern.words + ["\(directory)/written"],
      environment: Command.plainEnvironment, output: .file(serial.path))
  }

  deinit { stop() }

  private var isStopped = false

  func stop() {
    if isStopped { return }
    isStopped = true
    kill(identifier, SIGKILL)
    var status: Int32 = 0
    waitpid(identifier, &status, 0)
  }

  func waitForMore(_ count: Int, withinSeconds seconds: Double = 20) throws {
    let before = serial.acknowledged.count
    let deadline = Date() + seconds
    while serial.acknowledged.count < before + count {
      guard Date() < deadline else { throw FixtureError("the writer stands still") }
      usleep(10_000)
    }
  }

  func check(
    _ disk: GuestDisk, acknowledged: UInt64? = nil, in scratch: Scratch
  ) throws -> GuestCheck {
    try pattern.check([disk], acknowledged: acknowledged ?? serial.lastAcknowledged, in: scratch)
  }
}
