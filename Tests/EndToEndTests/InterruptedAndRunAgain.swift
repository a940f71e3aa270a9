// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// Either end is killed at ten points of a run; the next run goes on from there.
@Suite(.endsInTime) struct InterruptedAndRunAgain {
  private let scratch = Scratch()
  private static let byteCount: UInt64 = 32 << 20
  /// What may be on its way when an end dies: pipes, ssh's window and the receiver's queue.
  private static let inFlight: UInt64 = 10 << 20

  enum Victim: String, CaseIterable, Sendable { case near, far }

  struct Case: Sendable, CustomTestStringConvertible {
    var direction: Direction
    var victim: Victim
    /// How far into the run, in tenths; the last is the last message.
    var point: Int
    /// Whether the target exists, and is changed in place.
    var isInPlace: Bool

    var testDescription: String {
      "\(direction), \(victim) end at \(point)/10, \(isInPlace ? "in place" : "new file")"
    }

    /// Ten points for each end; directions and kinds of targets take turns.
    static let all = Victim.allCases.flatMap { victim in
      (0..<10).map { point in
        let direction = (point % 2 == 0) == (victim == .near) ? Direction.push : .pull
        return Case(
          direction: direction, victim: victim, point: point, isInPlace: point / 2 % 2 == 1)
      }
    }

    /// The byte of the conversation at which it happens.
    var position: UInt64 {
      point == 9 ? byteCount + 8000 : (byteCount * UInt64(point) / 9) + 64
    }
  }

  private func target(isInPlace: Bool) throws -> ImageFile {
    let path = scratch.path("there", isDirectory: true) + "/copy.img"
    if isInPlace {
      try ImageFile.full(in: scratch, named: "there/copy.img", byteCount: Self.byteCount, seed: 2)
        .fill(3 << 20..<4 << 20, with: Pattern(seed: 1))
    }
    return ImageFile(path)
  }

  @Test(arguments: Case.all)
  func killedByTheKernelAndRunAgain(_ test: Case) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 1)
    let target = try target(isInPlace: test.isInPlace)
    let farEnd = try FarEnd(in: scratch)
    var mover = Blkmove(test.direction, "--compress=none")
    mover.remotePath = farEnd.command
    let event: Meter.Event =
      test.victim == .near ? .killParent : .kill(pidFile: farEnd.pidFile)
    mover.event = (test.position, event)
    let killed = try mover.copy(image.path, target.path)
    if killed.status == 0 {
      #expect(test.point == 9, "it should not have ended well: \(killed)")
      try expectEqual(target, image)
      return
    }
    if test.victim == .far {
      expectComplaint(killed.outcome, status: 4, "backup")
      #expect(killed.outcome.error.contains("hint:"), "\(killed)")
    } else {
      #expect(killed.outcome.signal == SIGKILL, "\(killed)")
    }
    #expect(farEnd.isGone(), "the far end stays when the near one has gone")
    if !test.isInPlace, FileManager.default.fileExists(atPath: target.path) {
      #expect(test.point == 9, "taken for complete")
      try expectEqual(target, image)
    }

    mover.event = nil
    let again = try mover.copy(image.path, target.path)
    expectDone(again)
    try expectEqual(target, image)
    #expect(scratch.names.contains("there"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("there")).count == 1)
    let before = killed.wire.wire
    let kept = before > Self.inFlight ? before - Self.inFlight : 0
    #expect(again.wire.wire <= Self.byteCount + 200_000 - kept, "sent again: \(killed) \(again)")
  }

  @Test(arguments: [0, 3, 6, 9])
  func aLocalCopyIsKilledAndRunAgain(point: Int) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 96 << 20, seed: 3)
    let target = ImageFile(scratch.path("there", isDirectory: true) + "/copy.img")
    let (running, _) = try Blkmove().start(image.path, target.path)
    usleep(UInt32(5000 + 12_000 * point))
    running.send(SIGKILL)
    let killed = running.wait()
    // It may die between its last step and its exit; what has its name then is complete.
    if killed.status != 0, FileManager.default.fileExists(atPath: target.path) {
      try expectEqual(target, image)
    }
    expectDone(try Blkmove().copy(image.path, target.path))
    try expectEqual(target, image)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("there")).count == 1)
  }

  @Test(
    arguments: zip(
      [SIGINT, SIGTERM, SIGHUP, SIGINT, SIGINT],
      [.push, .pull, .push, .pull, .local] as [Direction]))
  func aSignalEndsItInOrder(signal: Int32, direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 48 << 20, seed: 4)
    let target = ImageFile(scratch.path("there", isDirectory: true) + "/copy.img")
    let farEnd = try FarEnd(in: scratch)
    var mover = Blkmove(direction, "--compress=none", "--bwlimit=6M")
    mover.remotePath = farEnd.command
    let (running, _) = try mover.start(image.path, target.path)
    usleep(1_200_000)
    running.send(signal)
    let outcome = running.wait()
    if direction == .local && outcome.status == 0 { return }
    expectComplaint(outcome, status: 5, "interrupted")
    #expect(outcome.error.contains("again"), "\(outcome)")
    #expect(!FileManager.default.fileExists(atPath: target.path))
    #expect(farEnd.isGone())
    mover.options = ["--compress=none"]
    expectDone(try mover.copy(image.path, target.path))
    try expectEqual(target, image)
  }
}
