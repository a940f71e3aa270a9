// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Zeros are holes at the target, wherever they come from, and never content on the wire.
@Suite(.endsInTime) struct SparseStaysSparse {
  private let scratch = Scratch()
  private let byteCount: UInt64 = 64 << 20

  private func sparseImage() throws -> ImageFile {
    let image = try ImageFile.make(in: scratch, byteCount: byteCount)
    try image.fill(0..<4096, with: Pattern(seed: 1))
    try image.fill(20 << 20..<22 << 20, with: Pattern(seed: 1))
    try image.fill(byteCount - 4096..<byteCount, with: Pattern(seed: 1))
    return image
  }

  @Test(arguments: Direction.allCases)
  func aNewFileHasTheHolesOfTheSource(direction: Direction) throws {
    let image = try sparseImage()
    let target = ImageFile(scratch.path("copy.img"))
    expectDone(try Blkmove(direction).copy(image.path, target.path))
    try expectEqual(target, image)
    #expect(target.allocatedByteCount <= image.allocatedByteCount + 256 << 10)
  }

  @Test(arguments: Direction.allCases)
  func zerosThatAreWrittenOutBecomeHoles(direction: Direction) throws {
    let image = try sparseImage()
    try image.write(Data(count: 8 << 20), at: 30 << 20)
    let target = ImageFile(scratch.path("copy.img"))
    let run = try Blkmove(direction, "--compress=none").copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(target.allocatedByteCount <= 3 << 20)
    if direction != .local { #expect(run.wire.wire < (2 << 20) + 100_000, "\(run)") }
  }

  @Test(arguments: Direction.allCases)
  func whatTheTargetHeldThereIsPunchedOut(direction: Direction) throws {
    let image = try sparseImage()
    let target = try ImageFile.full(in: scratch, byteCount: byteCount, seed: 2)
    let run = try Blkmove(direction, "--compress=none").copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(target.allocatedByteCount <= image.allocatedByteCount + 256 << 10)
  }

  /// Both are equal, so that nothing has to be written; but the target takes space that the
  /// source does not.
  @Test(arguments: Direction.allCases)
  func zerosThatTheTargetHadWrittenOutBecomeHoles(direction: Direction) throws {
    let image = try sparseImage()
    let target = try thickCopy(of: image)
    expectDone(try Blkmove(direction).copy(image.path, target.path))
    try expectEqual(target, image)
    #expect(target.allocatedByteCount <= image.allocatedByteCount + 64 << 10)
  }

  @Test(arguments: ["--no-sparse", "--dry-run"])
  func zerosStayWrittenOutWhereThatIsWanted(option: String) throws {
    let image = try sparseImage()
    let target = try thickCopy(of: image)
    for direction in Direction.allCases {
      expectDone(try Blkmove(direction, option).copy(image.path, target.path))
      try expectEqual(target, image)
      #expect(target.allocatedByteCount >= byteCount, "\(direction)")
    }
  }

  /// With all its zeros written out.
  private func thickCopy(of image: ImageFile) throws -> ImageFile {
    let copy = ImageFile(scratch.path("thick.img"))
    try Command.succeed("cp", "--sparse=never", image.path, copy.path)
    #expect(copy.allocatedByteCount >= byteCount)
    return copy
  }

  @Test(arguments: Direction.allCases)
  func noSparseAllocatesAll(direction: Direction) throws {
    let image = try sparseImage()
    let target = ImageFile(scratch.path("copy.img"))
    expectDone(try Blkmove(direction, "--no-sparse").copy(image.path, target.path))
    try expectEqual(target, image)
    #expect(target.allocatedByteCount >= byteCount)
  }

  @Test(.needs(.loopDevices), arguments: Direction.allCases)
  func aDeviceIsZeroed(direction: Direction) throws {
    let image = try sparseImage()
    let backing = try ImageFile.full(in: scratch, byteCount: byteCount, seed: 3)
    let device = try LoopDevice(over: backing.path)
    let run = try Blkmove(direction, "--compress=none").copy(image.path, device.path)
    expectDone(run)
    try expectEqual(ImageFile(device.path), image)
    if direction != .local { #expect(run.wire.wire < (2 << 20) + 100_000, "\(run)") }
  }

  /// Zero detectors have missed these.
  @Test(arguments: [0, 7, 8, 511, 512, 2048, 4087, 4088, 4095])
  func aPageWithOneByteThatIsNotZero(position: Int) throws {
    let image = try ImageFile.make(in: scratch, byteCount: 4 << 20)
    for page in [0, 255, 256, 700, 1023] {
      try image.write(Data([1]), at: UInt64(page * 4096 + position))
    }
    let fresh = ImageFile(scratch.path("copy.img"))
    expectDone(try Blkmove(.push).copy(image.path, fresh.path))
    try expectEqual(fresh, image)
    let old = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 4)
    expectDone(try Blkmove(.pull).copy(image.path, old.path))
    try expectEqual(old, image)
  }
}
