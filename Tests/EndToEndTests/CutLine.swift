// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// The line between the ends is cut, falls silent or spoils what it carries.
@Suite(.endsInTime) struct CutLine {
  private let scratch = Scratch()
  /// What may be on its way in pipes, sockets and buffers when the line is cut.
  private static let inFlight: UInt64 = 14 << 20

  @Test(arguments: Direction.remote)
  func theServerDiesWithEverySession(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 16 << 20, seed: 1)
    var mover = Blkmove(direction, "--compress=none", "--bwlimit=8M")
    let shell = try SecureShell()
    mover.shell = shell
    let (running, wire) = try mover.start(image.path, scratch.path("copy.img"))
    while wire.wire < 4 << 20 && !running.isOver { usleep(10_000) }
    shell.stop()
    let outcome = running.wait()
    expectComplaint(outcome, status: 4, "backup")
    #expect(outcome.error.contains("hint:") && outcome.error.contains("again"), "\(outcome)")
  }

  @Test(arguments: Direction.remote, [0, 6 << 20] as [UInt64])
  func aSilentLineIsGivenUpInTime(direction: Direction, position: UInt64) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 12 << 20, seed: 2)
    let farEnd = try FarEnd(in: scratch)
    var mover = Blkmove(direction, "--compress=none", "--timeout=2")
    mover.remotePath = farEnd.command
    mover.event = (position, .stall)
    mover.timeoutSeconds = 30
    let run = try mover.copy(image.path, scratch.path("copy.img"))
    expectComplaint(run.outcome, status: 4, "backup", "2 s")
    #expect(run.outcome.elapsedSeconds < 10, "\(run.outcome.elapsedSeconds) s")
    #expect(farEnd.isGone())
  }

  /// The run goes on by itself, and sends again no more than was under way.
  @Test(arguments: Direction.remote)
  func aCutLineIsTakenUpAgain(direction: Direction) throws {
    let byteCount: UInt64 = 32 << 20
    let image = try ImageFile.full(in: scratch, byteCount: byteCount, seed: 8)
    let target = ImageFile(scratch.path("copy.img"))
    usleep(50_000)
    let farEnd = try FarEnd(in: scratch)
    var mover = Blkmove(direction, "--compress=none", "--retry=3")
    mover.remotePath = farEnd.command
    mover.event = (16 << 20, .kill(pidFile: farEnd.pidFile))
    let run = try mover.copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.outcome.error.contains("trying again in 1 s (1/3)"), "\(run)")
    #expect(run.wire.wire < byteCount + Self.inFlight, "\(run)")
  }

  @Test func aSlowSourceIsNotASilentLine() throws {
    // Three seconds at this rate, with a time-out of one: something comes all the time.
    let image = try ImageFile.full(in: scratch, byteCount: 3 << 20, seed: 3)
    let mover = Blkmove(.push, "--compress=none", "--timeout=1", "--bwlimit=1M")
    expectDone(try mover.copy(image.path, scratch.path("copy.img")))
  }

  @Test(
    arguments: Direction.remote,
    [3, 12, 40, 100, 500, 2000, 9000, 100_000, 1_000_000, 3_000_000] as [UInt64])
  func aBitThatFlipsIsNoticed(direction: Direction, position: UInt64) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 4)
    let target = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 5)
    var mover = Blkmove(direction, "--compress=none", "--timeout=3")
    mover.event = (position, .flip)
    mover.timeoutSeconds = 40
    let run = try mover.copy(image.path, target.path)
    expectNoTrap(run.outcome)
    if run.status == 0 {
      try expectEqual(target, image)
    } else {
      // A flipped bit can make another valid request; whatever it is, it is said.
      #expect(run.outcome.sentences.count == 1, "\(run)")
    }
  }

  @Test(arguments: Direction.remote)
  func theFarEndEndsWithTheNearOne(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 16 << 20, seed: 6)
    let farEnd = try FarEnd(in: scratch)
    var mover = Blkmove(direction, "--compress=none", "--bwlimit=2M")
    mover.remotePath = farEnd.command
    let (running, wire) = try mover.start(image.path, scratch.path("copy.img"))
    while wire.wire < 1 << 20 && !running.isOver { usleep(10_000) }
    running.send(SIGKILL)
    running.wait()
    #expect(farEnd.isGone(withinSeconds: 8))
  }
}
