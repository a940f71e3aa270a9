// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The target's file system fills up in the middle of the run.
@Suite(.endsInTime) struct FullDisk {
  private let scratch = Scratch()

  @Test(.needs(.loopDevices), arguments: Direction.allCases, [false, true])
  func theSentenceSaysWhereAndTheNextRunGoesOn(direction: Direction, isInPlace: Bool) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 40 << 20, seed: 1)
    let fileSystem = try MountedFileSystem(on: LoopDevice(byteCount: 64 << 20, in: scratch))
    let ballast = fileSystem.path("ballast")
    try Command.succeed("fallocate", "-l", "30M", ballast)
    let target = fileSystem.path("copy.img")
    if isInPlace { try Command.succeed("truncate", "-s", "40M", target) }

    let mover = Blkmove(direction, "--compress=none")
    let full = try mover.copy(image.path, target)
    expectComplaint(full.outcome, status: 1, "copy.img", "No space left on device", "target")
    if direction == .push { expectComplaint(full.outcome, status: 1, "backup") }
    #expect(full.outcome.error.contains("hint:"), "\(full)")
    if !isInPlace { #expect(!FileManager.default.fileExists(atPath: target)) }

    try FileManager.default.removeItem(atPath: ballast)
    let again = try mover.copy(image.path, target)
    expectDone(again)
    try expectEqual(ImageFile(target), image)
    if direction != .local {
      #expect(again.wire.wire < full.wire.wire + (16 << 20), "\(full) \(again)")
      #expect(again.wire.wire < 30 << 20, "what fitted is not sent again: \(again)")
    }
  }

  @Test(.needs(.loopDevices))
  func noRoomForTheMarkIsANote() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 2)
    let target = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 3)
    let fileSystem = try MountedFileSystem(on: LoopDevice(byteCount: 4 << 20, in: scratch))
    _ = try Command("sh", "-c", "cat /dev/zero >\(fileSystem.path("ballast"))").run()
    var mover = Blkmove()
    mover.environment["BLKMOVE_STATE_DIR"] = fileSystem.path("state")
    expectDone(try mover.copy(image.path, target.path))
    try expectEqual(target, image)
  }

  @Test(arguments: ["--log-file=/dev/full", "--log-file=/no/such/dir/log"])
  func aLogThatCannotBeWrittenIsSaid(option: String) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 4)
    let run = try Blkmove(.push, option).copy(image.path, scratch.path("copy.img"))
    expectNoTrap(run.outcome)
    #expect(run.outcome.error.contains(option.dropFirst("--log-file=".count)), "\(run)")
  }

  @Test func aDigestThatCannotBePrintedIsAnError() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 4096, seed: 5)
    let outcome = try Command(
      "sh", "-c", "exec \(Blkmove.quoted(Blkmove.binary)) digest \(image.path) >/dev/full"
    ).run()
    expectComplaint(outcome, status: 1, "No space left on device")
  }
}
