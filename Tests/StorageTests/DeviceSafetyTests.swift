// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Storage

/// A device that somebody uses is not written, and the sentence says who: with real devices.
@Suite(.needsLoopDevices, .timeLimit(.minutes(1))) struct DeviceSafetyTests {
  let scratch = Scratch()

  private func request(_ path: String, _ byteCount: UInt64 = 4096, isForced: Bool = false)
    -> TargetRequest
  {
    TargetRequest(
      path: path, suggestedName: "x", sourceByteCount: byteCount, isForced: isForced)
  }

  private func open(_ request: TargetRequest) throws -> TargetImage {
    try TargetImage.open(request, within: .anything, on: scratch.machine)
  }

  private func refusal(_ request: TargetRequest) throws -> StorageError {
    let error = #expect(throws: StorageError.self) { _ = try open(request) }
    let found = try #require(error)
    #expect(found.isRefusal)
    return found
  }

  /// The same answer forced or not, and in a dry run.
  private func expectRefused(
    _ path: String, _ kind: StorageError.Refusal, _ sentence: String
  ) throws {
    for (isForced, isDryRun) in [(false, false), (true, false), (false, true)] {
      var request = request(path, isForced: isForced)
      request.isDryRun = isDryRun
      let error = try refusal(request)
      #expect(error.kind == .refused(kind))
      #expect(error.description == "\(path): \(sentence)")
    }
  }

  private func mounted(_ device: String, options: String = "rw", _ body: (String) throws -> Void)
    throws
  {
    let point = scratch.file("mount point")
    try? FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: true)
    try Command.run("mount", "-o", options, device, point)
    defer { _ = try? Command.run("umount", point) }
    try body(point)
  }

  @Test(.needsRootAnd("mkfs.ext4", "mount")) func aMountedDeviceIsRefused() throws {
    let device = try LoopDevice(scratch, byteCount: 4 << 20)
    try Command.run("mkfs.ext4", "-q", device.path)
    try mounted(device.path) { point in
      try expectRefused(device.path, .mounted, "is mounted at \(point)")
      let source = try SourceImage.open(
        device.path, within: .anything, isForced: false, on: scratch.machine)
      #expect(
        source.notes == ["\(device.path): is mounted at \(point): it may change during the run"])
      // And the file behind it is not written under it either, whoever insists.
      try expectRefused(
        device.backing, .loopBacking, "is what \(device.path) shows, which is mounted at \(point)")
    }
    try mounted(device.path, options: "ro") { point in
      try expectRefused(device.path, .mounted, "is mounted at \(point) (read-only)")
      let source = try SourceImage.open(
        device.path, within: .anything, isForced: false, on: scratch.machine)
      #expect(source.notes == [])
    }
    #expect(try open(request(device.path)).kind == .device)
  }

  @Test(.needsRootAnd("mkfs.ext4", "mount", "addpart")) func aDiskOfAMountedPartitionIsRefused()
    throws
  {
    let device = try LoopDevice(scratch, byteCount: 8 << 20)
    let partition = try device.addPartition(1, startSector: 2048, sectorCount: 8192)
    try Command.run("mkfs.ext4", "-q", partition)
    try mounted(partition) { point in
      try expectRefused(
        device.path, .mounted, "its partition \(partition) is mounted at \(point)")
      try expectRefused(partition, .mounted, "is mounted at \(point)")
    }
    #expect(try open(request(device.path)).byteCount == 4096)
  }

  @Test(.needsRootAnd("mkfs.ext4", "mount", "addpart")) func aPartitionOfAMountedDiskIsRefused()
    throws
  {
    let device = try LoopDevice(scratch, byteCount: 8 << 20)
    try Command.run("mkfs.ext4", "-q", device.path)
    let partition = try device.addPartition(1, startSector: 2048, sectorCount: 8192)
    try mounted(device.path) { point in
      try expectRefused(
        partition, .mounted, "its disk \(device.path) is mounted at \(point)")
    }
  }

  @Test(.needsRootAnd("mkfs.btrfs", "mount")) func allPartsOfAMountedBtrfsAreRefused() throws {
    let first = try LoopDevice(scratch, byteCount: 128 << 20)
    let second = try LoopDevice(scratch, byteCount: 128 << 20)
    try Command.run("mkfs.btrfs", "-q", "-d", "single", "-m", "single", first.path, second.path)
    try mounted(first.path, options: "device=\(second.path)") { point in
      try expectRefused(first.path, .mounted, "is mounted at \(point)")
      try expectRefused(second.path, .mounted, "is part of a mounted btrfs file system")
    }
  }

  @Test(.needsRootAnd("mkswap", "swapon")) func swapSpaceIsRefused() throws {
    let device = try LoopDevice(scratch, byteCount: 1 << 20)
    try Command.run("mkswap", device.path)
    try Command.run("swapon", device.path)
    defer { _ = try? Command.run("swapoff", device.path) }
    try expectRefused(device.path, .swap, "is swap space in use")
  }

  @Test(.needsRootAnd("mkswap", "swapon")) func aSwapFileIsRefused() throws {
    let path = scratch.write([UInt8](repeating: 0, count: 1 << 20), to: "swap")
    chmod(path, 0o600)
    try Command.run("mkswap", path)
    // Not every file system can hold swap files.
    guard (try? Command.run("swapon", path)) != nil else { return }
    defer { _ = try? Command.run("swapoff", path) }
    try expectRefused(path, .swap, "is a swap file in use")
  }

  @Test func aFileThatALoopDeviceShowsIsRefusedUnlessForced() throws {
    let device = try LoopDevice(scratch, byteCount: 1 << 20)
    let error = try refusal(request(device.backing, 1 << 20))
    #expect(error.kind == .refused(.loopBacking))
    #expect(error.sentence == "is what \(device.path) shows")
    #expect(error.hint == "detach it first: losetup -d \(device.path), or insist with --force")
    let target = try open(request(device.backing, 1 << 20, isForced: true))
    #expect(
      target.notes == [
        "\(device.backing): is what \(device.path) shows: it may change during the run"
      ])
  }

  @Test func aDeviceThatALoopDeviceShowsIsRefusedUnlessForced() throws {
    let lower = try LoopDevice(scratch, byteCount: 1 << 20)
    let upper = try LoopDevice(over: lower.path)
    #expect(try refusal(request(lower.path)).sentence == "is what \(upper.path) shows")
    #expect(
      try open(request(lower.path, 1 << 20, isForced: true)).notes == [
        "\(lower.path): is what \(upper.path) shows: it may change during the run"
      ])
  }

  @Test func aReadOnlyDeviceIsRefused() throws {
    let device = try LoopDevice(scratch, byteCount: 1 << 20, "-r")
    try expectRefused(device.path, .readOnly, "is a read-only device")
    let source = try SourceImage.open(
      device.path, within: .anything, isForced: false, on: scratch.machine)
    #expect(source.byteCount == 1 << 20)
  }

  @Test func aDeviceThatIsHeldIsRefusedAlsoWhenNobodyKnowsByWhom() throws {
    let device = try LoopDevice(scratch, byteCount: 1 << 20)
    let holder = Glibc.open(device.path, O_RDONLY | O_EXCL | O_CLOEXEC)
    defer { Glibc.close(holder) }
    #expect(holder >= 0)
    var machine = scratch.machine
    machine.processRoot = scratch.file("no processes")
    let error = #expect(throws: StorageError.self) {
      try TargetImage.open(
        request(device.path, isForced: true), within: .anything, on: machine)
    }
    #expect(error?.kind == .refused(.held))
    #expect(error?.sentence == "is held by the kernel or by another program")
  }

  @Test(.needsRootAnd("python3")) func aProgramThatHoldsADeviceIsNamed() throws {
    let device = try LoopDevice(scratch, byteCount: 1 << 20)
    let holder = try Helper(
      "python3", "-c",
      """
      import os, sys
      held = os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)
      print("ready", flush=True)
      sys.stdin.read()
      """, device.path)
    let error = try refusal(request(device.path))
    #expect(error.sentence == "is in use by python3 (pid \(holder.process))")
    holder.stop()
  }

  @Test func aSecondRunIsRefused() throws {
    let device = try LoopDevice(scratch, byteCount: 1 << 20)
    let first = try open(request(device.path))
    #expect(try refusal(request(device.path)).kind == .refused(.held))
    first.abandon()
    try open(request(device.path)).complete()
  }

  @Test func aDeviceThatUdevLooksAtIsWaitedFor() throws {
    let device = try LoopDevice(scratch, byteCount: 1 << 20)
    let other = Glibc.open(device.path, O_RDONLY | O_CLOEXEC)
    defer { Glibc.close(other) }
    #expect(flock(other, LOCK_SH) == 0)
    Thread.detachNewThread {
      usleep(200_000)
      _ = flock(other, LOCK_UN)
    }
    var machine = scratch.machine
    machine.patienceMilliseconds = 10_000
    let target = try TargetImage.open(request(device.path), within: .anything, on: machine)
    #expect(target.kind == .device)
  }

  @Test func sizesAreAgreedOnBeforeAnythingIsWritten() throws {
    let device = try LoopDevice(scratch, byteCount: 1 << 20)
    let error = try refusal(request(device.path, 1 << 20 + 1))
    #expect(error.kind == .refused(.tooSmall))
    #expect(
      error.sentence
        == "is smaller than the source: it has 1 MiB, \(1 << 20 + 1) bytes are needed")
    var smaller = request(device.path, 4096)
    #expect(
      try open(smaller).notes == [
        "\(device.path): is larger than the source: its last 1020 KiB stay as they are"
      ])
    smaller.sizePolicy = .strict
    #expect(try refusal(smaller).kind == .refused(.sizeDiffers))
    var larger = request(device.path, 2 << 20)
    larger.sizePolicy = .min
    #expect(try open(larger).byteCount == 1 << 20)
  }

  @Test func aDeviceWithoutContentIsNoImage() throws {
    let device = try LoopDevice(scratch, byteCount: 512)
    #expect(truncate(device.backing, 0) == 0)
    try Command.run("losetup", "-c", device.path)
    for body in [
      { _ = try open(request(device.path, 0)) },
      {
        _ = try SourceImage.open(
          device.path, within: .anything, isForced: false, on: scratch.machine)
      },
    ] {
      let error = #expect(throws: StorageError.self) { try body() }
      #expect(
        error?.description == "\(device.path): has no content: is anything attached to it?")
    }
  }

  @Test func theBytesBehindTheEndOfTheSourceStayAsTheyAre() throws {
    let device = try LoopDevice(scratch, byteCount: 1 << 20)
    let before = try open(request(device.path, 1 << 20))
    try before.write(pattern(1 << 20), at: 0)
    try before.complete()
    let target = try open(request(device.path, 5000))
    try target.write([UInt8](repeating: 7, count: 904), at: 4096)
    try target.zero(0..<5000)
    #expect(throws: StorageError.self) { try target.write([1], at: 5000) }
    #expect(throws: StorageError.self) { try target.zero(4999..<5001) }
    try target.complete()
    let after = try SourceImage.open(
      device.path, within: .anything, isForced: false, on: scratch.machine)
    let zeros = [UInt8](repeating: 0, count: 5000)
    #expect(try after.allBytes() == zeros + pattern(1 << 20)[5000...])
  }

  @Test func anUnreadableSpotIsFoundToTheSector() throws {
    let device = try LoopDevice(scratch, byteCount: 4 << 20)
    // The kernel cannot read what the file behind the device has lost.
    #expect(truncate(device.backing, (1 << 20) + 4096 * 3) == 0)
    let source = try SourceImage.open(
      device.path, within: .anything, isForced: false, on: scratch.machine)
    #expect(try source.bytes(0..<1 << 20).count == 1 << 20)
    let error = #expect(throws: StorageError.self) { _ = try source.bytes(1 << 20..<2 << 20) }
    #expect(error?.errorNumber == EIO)
    #expect(error?.offset == (1 << 20) + 4096 * 3)
  }
}
