// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// What is refused before anything is written: exit status 6, the reason and the holder.
@Suite(.endsInTime) struct RefusedTargets {
  private let scratch = Scratch()

  private func image(_ byteCount: UInt64 = 16 << 20, seed: UInt64 = 1) throws -> ImageFile {
    try ImageFile.full(in: scratch, byteCount: byteCount, seed: seed)
  }

  /// The copy is refused, in every direction, with these words, and the target is as it was.
  private func expectRefused(
    _ source: String, _ target: String, _ mentions: [String], options: [String] = [],
    directions: [Direction] = Direction.allCases, untouched: ImageFile? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try untouched?.copied(to: scratch)
    for direction in directions {
      var mover = Blkmove(direction)
      mover.options = options
      let run = try mover.copy(source, target)
      #expect(run.status == 6, "\(run)", sourceLocation: sourceLocation)
      expectComplaint(run.outcome, status: 6, target, sourceLocation: sourceLocation)
      for mention in mentions {
        #expect(
          run.outcome.error.lowercased().contains(mention.lowercased()),
          "should say '\(mention)': \(run)", sourceLocation: sourceLocation)
      }
      if let before, let untouched {
        try expectEqual(untouched, before, "it was changed", sourceLocation: sourceLocation)
      }
    }
  }

  @Test(.needs(.loopDevices), arguments: [[], ["--force"]])
  func aMountedDevice(options: [String]) throws {
    let fileSystem = try MountedFileSystem(on: LoopDevice(byteCount: 16 << 20, in: scratch))
    try expectRefused(
      image().path, fileSystem.device.path, ["mounted", fileSystem.path], options: options,
      untouched: ImageFile(fileSystem.device.backing))
  }

  @Test(.needs(.swap), arguments: [[], ["--force"]])
  func aSwapArea(options: [String]) throws {
    let device = try LoopDevice(byteCount: 16 << 20, in: scratch)
    try Command.succeed("mkswap", "-q", device.path)
    try Command.succeed("swapon", device.path)
    let duty = Janitor.shared.atEnd("swapoff \(device.path)")
    defer {
      _ = try? Command("swapoff", device.path).run()
      Janitor.shared.forget(duty)
    }
    try expectRefused(image().path, device.path, ["swap"], options: options)
  }

  @Test(.needs(.partitions))
  func aDiskOneOfWhosePartitionsIsMounted() throws {
    let device = try LoopDevice(byteCount: 32 << 20, in: scratch)
    try Command.succeed("addpart", device.path, "1", "2048", "32768")
    defer { _ = try? Command("delpart", device.path, "1").run() }
    try Command.succeed("mkfs.ext4", "-q", device.path + "p1")
    let directory = scratch.path("mnt", isDirectory: true)
    try Command.succeed("mount", device.path + "p1", directory)
    defer { _ = try? Command("umount", directory).run() }
    try expectRefused(image().path, device.path, ["mounted", directory])
  }

  @Test(.needs(.loopDevices))
  func aDeviceThatAnotherProgramHolds() throws {
    let device = try LoopDevice(byteCount: 16 << 20, in: scratch)
    let held = open(device.path, O_RDWR | O_EXCL)
    defer { close(held) }
    try #require(held >= 0)
    try expectRefused(image().path, device.path, ["in use"])
  }

  @Test(.needs(.loopDevices))
  func aSmallerDevice() throws {
    let device = try LoopDevice(byteCount: 15 << 20, in: scratch)
    try expectRefused(
      image().path, device.path, ["15 MiB", "16 MiB"], untouched: ImageFile(device.backing))
  }

  @Test(.needs(.loopDevices))
  func aReadOnlyDevice() throws {
    let backing = try image(seed: 2)
    let device = try LoopDevice(over: backing.path, isReadOnly: true)
    try expectRefused(image().path, device.path, ["read-only"], untouched: backing)
  }

  @Test(.needs(.loopDevices))
  func aFileThatALoopDeviceStandsOn() throws {
    let backing = try image(seed: 3)
    let device = try LoopDevice(over: backing.path)
    try expectRefused(image().path, backing.path, [device.path], untouched: backing)
    expectDone(try Blkmove(.local, "--force").copy(image().path, backing.path))
    try expectEqual(backing, image())
  }

  @Test(arguments: ["same", "hard", "symbolic", "dotted"])
  func theSourceItself(way: String) throws {
    let image = try ImageFile.full(in: scratch, named: "disk.img", byteCount: 1 << 20, seed: 4)
    var target = image.path
    switch way {
    case "hard":
      target = scratch.path("hard.img")
      try FileManager.default.linkItem(atPath: image.path, toPath: target)
    case "symbolic":
      target = scratch.path("symbolic.img")
      try FileManager.default.createSymbolicLink(atPath: target, withDestinationPath: image.path)
    case "dotted": target = scratch.path("../\(scratch.path.split(separator: "/").last!)/disk.img")
    default: break
    }
    try expectRefused(image.path, target, ["the source itself"], untouched: image)
  }

  @Test(.needs(.loopDevices))
  func aDeviceOntoItself() throws {
    let device = try LoopDevice(over: image().path)
    try expectRefused(
      device.path, device.path, ["the source itself"], untouched: ImageFile(device.backing))
  }

  @Test(arguments: Direction.allCases)
  func aTargetOfAnotherRun(direction: Direction) throws {
    let image = try image()
    let target = scratch.path("copy.img")
    let slow = Blkmove(.push, "--compress=none", "--bwlimit=1M")
    let (running, wire) = try slow.start(image.path, target)
    while wire.wire < 1 << 20 && !running.isOver { usleep(5000) }
    let second = try Blkmove(direction).copy(image.path, target)
    expectComplaint(second.outcome, status: 6, "copy.img", "being written by")
    running.send(SIGTERM)
    #expect(running.wait().status == 5, "the first run was not disturbed until now")
  }

  /// QEMU locks its images this way; python says it in one line.
  @Test func aFileThatIsLocked() throws {
    let target = try image(seed: 5)
    let script = """
      import fcntl, struct, sys, time
      f = open(sys.argv[1], 'r+b')
      fcntl.fcntl(f, 37, struct.pack('hhqqi', fcntl.F_WRLCK, 0, 100, 101, 0))
      print('locked', flush=True); time.sleep(50)
      """
    let holder = try Command("/usr/bin/python3", "-c", script, target.path).start()
    defer { holder.send(SIGKILL) }
    usleep(300_000)
    try expectRefused(image().path, target.path, ["lock"], untouched: target)
    expectDone(try Blkmove(.local, "--force").copy(image().path, target.path))
  }

  @Test(arguments: Direction.allCases)
  func anotherSizeWhenSizesMustAgree(direction: Direction) throws {
    let target = try image(8 << 20, seed: 6)
    try expectRefused(
      image().path, target.path, ["8 MiB", "16 MiB"], options: ["--size-policy=strict"],
      directions: [direction], untouched: target)
  }
}
