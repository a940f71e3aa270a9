// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A disk that cannot be read, or does not take what is written, somewhere in the middle.
@Suite(.endsInTime) struct ReadErrorInTheMiddle {
  private let scratch = Scratch()
  private static let byteCount: UInt64 = 16 << 20

  /// A device whose bytes from 10 MiB on cannot be read: its backing file was cut short.
  private func badDevice(seed: UInt64) throws -> LoopDevice {
    let backing = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: seed)
    let device = try LoopDevice(over: backing.path)
    try Command.succeed("truncate", "-s", "10M", backing.path)
    return device
  }

  @Test(.needs(.loopDevices), arguments: Direction.allCases)
  func theSourceCannotBeRead(direction: Direction) throws {
    let device = try badDevice(seed: 1)
    let target = ImageFile(scratch.path("copy.img"))
    let run = try Blkmove(direction).copy(device.path, target.path)
    expectComplaint(
      run.outcome, status: 1, "source", device.path, "read", "MiB", "Input/output error")
    if direction == .pull { expectComplaint(run.outcome, status: 1, "backup") }
    #expect(!FileManager.default.fileExists(atPath: target.path))

    // The disk is mended, and the next run goes on.
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 1)
    try Command.succeed(
      "dd", "if=\(image.path)", "of=\(device.backing)", "bs=1M", "conv=notrunc", "status=none")
    expectDone(try Blkmove(direction).copy(device.path, target.path))
    try expectEqual(target, image)
  }

  @Test(.needs(.loopDevices), arguments: Direction.allCases)
  func theTargetCannotBeRead(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 2)
    let device = try badDevice(seed: 3)
    let run = try Blkmove(direction).copy(image.path, device.path)
    expectComplaint(
      run.outcome, status: 1, "target", device.path, "read", "MiB", "Input/output error")
  }

  @Test(.needs(.loopDevices), arguments: Direction.remote)
  func aSeedThatCannotBeReadIsNotWorthTheRun(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 4)
    let device = try badDevice(seed: 4)
    let target = ImageFile(scratch.path("copy.img"))
    let run = try Blkmove(direction, "--compress=none", "--seed", device.path)
      .copy(image.path, target.path)
    #expect(run.outcome.error.contains(device.path), "\(run)")
    if run.status == 0 { try expectEqual(target, image) }
    expectNoTrap(run.outcome)
  }

  @Test(.needs(.loopDevices))
  func aDigestOfABadDiskIsAnError() throws {
    let device = try badDevice(seed: 5)
    expectComplaint(
      try Blkmove.plain("digest", device.path), status: 1, device.path, "Input/output error")
    let run = try Blkmove(.push).verify(device.path, device.path)
    #expect(run.status == 1, "\(run)")
  }

  @Test(.needs(.fuse), arguments: Direction.allCases)
  func aFileThatFailsNowAndThen(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 6)
    let file = try FuseFile.failing(
      over: image, ["error-pread=EIO", "error-pread-rate=100%"], in: scratch)
    let run = try Blkmove(direction).copy(file.path, scratch.path("copy.img"))
    expectComplaint(run.outcome, status: 1, "source", file.path, "Input/output error")
  }

  @Test(.needs(.fuse), arguments: Direction.allCases)
  func aTargetThatTakesNoWrites(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 7)
    let old = try ImageFile.make(in: scratch, byteCount: Self.byteCount)
    let file = try FuseFile.failing(
      over: old, ["error-pwrite=EIO", "error-pwrite-rate=100%"], in: scratch)
    let mover = try Blkmove(direction).withMarksOfItsOwn(in: scratch)
    let run = try mover.copy(image.path, file.path)
    expectComplaint(run.outcome, status: 1, "target", file.path, "Input/output error")
  }

  /// Large writes go by io_submit(2), unless it cannot be had.
  @Test(
    .needs(.tracing),
    arguments: [["fdatasync,fsync:error=EIO"], ["pwrite64:error=EIO", "io_setup:error=ENOSYS"]])
  func aCallThatFailsAtTheTarget(injections: [String]) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 8)
    let target = ImageFile(scratch.path("copy.img"))
    let outcome = try copy(image, to: target, injecting: injections)
    expectComplaint(outcome, status: 1, "target", "copy.img", "Input/output error")
    #expect(!FileManager.default.fileExists(atPath: target.path))
    expectDone(try Blkmove().copy(image.path, target.path))
    try expectEqual(target, image)
  }

  @Test(.needs(.tracing), arguments: ["io_setup:error=EAGAIN", "io_submit:error=EIO:when=3+"])
  func whatCannotGoPastTheCacheGoesThroughIt(injection: String) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 9)
    let target = ImageFile(scratch.path("copy.img"))
    #expect(try copy(image, to: target, injecting: [injection]).status == 0)
    try expectEqual(target, image)
  }

  private func copy(
    _ image: ImageFile, to target: ImageFile, injecting injections: [String]
  ) throws -> Outcome {
    let rules = injections.flatMap { ["-e", "inject=\($0)"] }
    let calls = injections.map { $0.prefix { $0 != ":" } }.joined(separator: ",")
    var command = Command(
      ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(calls)"] + rules
        + [Blkmove.binary, image.path, target.path])
    command.timeoutSeconds = 60
    return try command.run()
  }
}
