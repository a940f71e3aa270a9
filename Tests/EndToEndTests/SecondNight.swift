// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What is remembered between two runs: it saves reading and bytes, and never hides a difference.
@Suite(.endsInTime) struct SecondNight {
  private let scratch = Scratch()
  private let byteCount: UInt64 = 24 << 20

  /// An image and its copy, both remembered by a first run.
  private func firstNight(_ direction: Direction) throws -> (image: ImageFile, copy: ImageFile) {
    let image = try ImageFile.full(in: scratch, byteCount: byteCount, seed: 1)
    let copy = ImageFile(scratch.path("copy.img"))
    // Times of this moment are not told from those of a change that comes at once.
    usleep(50_000)
    expectDone(try Blkmove(direction).copy(image.path, copy.path))
    try expectEqual(copy, image)
    return (image, copy)
  }

  @Test(arguments: Direction.remote)
  func anUnchangedImageCostsAFewWords(direction: Direction) throws {
    let (image, copy) = try firstNight(direction)
    let run = try Blkmove(direction).copy(image.path, copy.path)
    expectDone(run)
    #expect(run.wire.wire <= 4096, "\(run)")
    try expectEqual(copy, image)
  }

  @Test(arguments: Direction.remote)
  func aChangedPageCostsAPage(direction: Direction) throws {
    let (image, copy) = try firstNight(direction)
    for night in 0..<3 {
      let start = UInt64(night) * 5 << 20
      try image.fill(start..<start + 4096, with: Pattern(seed: UInt64(10 + night)))
      let run = try Blkmove(direction, "--compress=none").copy(image.path, copy.path)
      expectDone(run)
      #expect(run.wire.wire < 8192 + 24 * 16 + 2048, "\(run)")
      try expectEqual(copy, image)
    }
  }

  /// 2048 segments have digests, and nobody says them when both ends remember the same.
  @Test(arguments: Direction.remote)
  func whatBothRememberIsNotSaid(direction: Direction) throws {
    let image = try ImageFile.make(in: scratch, byteCount: 2048 << 20)
    for segment in 0..<UInt64(2048) {
      try image.write(Data([UInt8(segment & 0xFF), UInt8(segment >> 8), 1]), at: segment << 20)
    }
    let copy = ImageFile(scratch.path("copy.img"))
    usleep(50_000)
    expectDone(try Blkmove(direction).copy(image.path, copy.path))
    for night in 0..<UInt64(3) {
      // A page that changes, one that comes, a segment that becomes a hole and one of zeros.
      let start = (100 + 300 * night) << 20
      try image.write(Data([7, UInt8(night)]), at: start)
      try image.write(Data([8]), at: start + 8 << 20 + 40960)
      try Command.succeed(
        "fallocate", "-p", "-o", "\(start + 16 << 20)", "-l", "\(3 << 20)", image.path)
      try image.write(Data(count: 1 << 20), at: start + 24 << 20)
      let run = try Blkmove(direction, "--compress=none").copy(image.path, copy.path)
      expectDone(run)
      #expect(run.wire.wire < 8192 + 4096, "\(run)")
      try expectEqual(copy, image)
    }
    // Now the source remembers another state than the copy is in.
    expectDone(try Blkmove(direction).copy(image.path, scratch.path("other.img")))
    try image.write(Data([9]), at: 1000 << 20)
    expectDone(try Blkmove(direction).copy(image.path, scratch.path("other.img")))
    let run = try Blkmove(direction, "--compress=none").copy(image.path, copy.path)
    expectDone(run)
    #expect(run.wire.wire > 2000 * 16, "\(run)")
    try expectEqual(copy, image)
  }

  /// Another program wrote to the target, and even put its times back.
  @Test(arguments: Direction.remote, [true, false])
  func aTargetThatSomebodyWroteToIsRead(direction: Direction, hidesIt: Bool) throws {
    let (image, copy) = try firstNight(direction)
    let attributes = try FileManager.default.attributesOfItem(atPath: copy.path)
    try copy.fill(9 << 20..<(9 << 20) + 4096, with: Pattern(seed: 77))
    if hidesIt {
      let date = try #require(attributes[.modificationDate])
      try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: copy.path)
    }
    expectDone(try Blkmove(direction).copy(image.path, copy.path))
    try expectEqual(copy, image)
  }

  @Test(arguments: Direction.remote, ["--paranoid", "-c", "--no-manifest", "-W", "--verify"])
  func everyWayEndsEqual(direction: Direction, option: String) throws {
    let (image, copy) = try firstNight(direction)
    try image.fill(3 << 20..<4 << 20, with: Pattern(seed: 5))
    expectDone(try Blkmove(direction, option).copy(image.path, copy.path))
    try expectEqual(copy, image)
    try image.fill(6 << 20..<(6 << 20) + 9000, with: Pattern(seed: 6))
    expectDone(try Blkmove(direction).copy(image.path, copy.path))
    try expectEqual(copy, image)
  }

  /// Nobody can see that a device was written to: it is trusted only when the user says so, and
  /// even then some of it is read.
  @Test(.needs(.loopDevices), arguments: Direction.remote)
  func aTrustedDeviceThatDriftedIsNoticed(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: byteCount, seed: 1)
    let backing = try ImageFile.make(in: scratch, byteCount: byteCount + 4096)
    let device = try LoopDevice(over: backing.path)
    var mover = try Blkmove(direction).withMarksOfItsOwn(in: scratch)
    expectDone(try mover.copy(image.path, device.path))
    try ImageFile(device.path).fill(8 << 20..<(8 << 20) + 4096, with: Pattern(seed: 9))

    mover.options = ["--trust-target", "--spot-checks=0"]
    let blind = try mover.copy(image.path, device.path)
    expectDone(blind)
    #expect(blind.wire.wire <= 4096, "it was trusted and not read: \(blind)")

    mover.options = ["--trust-target", "--spot-checks=65535"]
    let seeing = try mover.copy(image.path, device.path)
    expectDone(seeing)
    #expect(seeing.outcome.error.contains("WARNING"), "\(seeing)")
    #expect(
      try image.firstDifference(from: ImageFile(device.path), byteCount: byteCount) == nil)

    try ImageFile(device.path).fill(2 << 20..<(2 << 20) + 4096, with: Pattern(seed: 9))
    mover.options = []
    expectDone(try mover.copy(image.path, device.path))
    #expect(
      try image.firstDifference(from: ImageFile(device.path), byteCount: byteCount) == nil)
  }

  /// Where much has moved the target is read after all, since that is less than sending it.
  @Test(arguments: Direction.remote)
  func contentThatMovedIsStillFound(direction: Direction) throws {
    let (image, copy) = try firstNight(direction)
    try image.fill(1 << 20..<byteCount, with: Pattern(seed: 1), from: 0)
    try image.fill(0..<1 << 20, with: Pattern(seed: 3))
    let run = try Blkmove(direction, "--compress=none").copy(image.path, copy.path)
    expectDone(run)
    try expectEqual(copy, image)
    #expect(run.wire.wire < (2 << 20) + 200_000, "\(run)")
  }
}
