// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Sizes at, beside and far beyond every border that the format knows.
@Suite(.endsInTime) struct OddSizes {
  private let scratch = Scratch()

  static let small: [UInt64] = [
    0, 1, 511, 512, 513, 4095, 4096, 4097, 65_535, 65_536, 65_537, (1 << 20) - 1, 1 << 20,
    (1 << 20) + 1, (1 << 20) + 4097, (16 << 20) - 1, (16 << 20) + 1, (17 << 20) + 70_000,
  ]

  @Test(arguments: small)
  func asANewFileAndOverAnother(byteCount: UInt64) throws {
    let image = try ImageFile.full(in: scratch, byteCount: byteCount, seed: 1)
    for (fresh, over) in [(Direction.push, Direction.pull), (.local, .local)] {
      let new = ImageFile(scratch.newPath("copy.img"))
      expectDone(try Blkmove(fresh).copy(image.path, new.path))
      try expectEqual(new, image, "a new file")
      let other = try ImageFile.full(in: scratch, byteCount: byteCount, seed: 2)
      expectDone(try Blkmove(over).copy(image.path, other.path))
      try expectEqual(other, image, "over a file of the same size")
    }
  }

  @Test(
    arguments: [0, 1, 4097, 3_145_733] as [UInt64],
    [0, 4095, 1_048_577, 5_242_880] as [UInt64])
  func growingAndShrinking(from old: UInt64, to new: UInt64) throws {
    let image = try ImageFile.full(in: scratch, byteCount: new, seed: 3)
    let target = try ImageFile.full(in: scratch, byteCount: old, seed: 3)
    expectDone(try Blkmove(.push).copy(image.path, target.path))
    try expectEqual(target, image)
  }

  @Test(
    arguments: Direction.allCases,
    [
      (4 << 30) + 4097, (16 << 30) + 1, 8 << 40,
    ] as [UInt64])
  func bigAndSparse(direction: Direction, byteCount: UInt64) throws {
    let image = try ImageFile.make(in: scratch, byteCount: byteCount)
    let pattern = Pattern(seed: 4)
    let places: [UInt64] = [0, (4 << 30) - 4096, byteCount / 2 / 4096 * 4096, byteCount - 5000]
    for offset in places {
      try image.fill(offset..<min(offset + 12_288, byteCount), with: pattern)
    }
    let fresh = ImageFile(scratch.path("copy.img"))
    let run = try Blkmove(direction).copy(image.path, fresh.path)
    expectDone(run)
    try expectEqual(fresh, image)
    #expect(fresh.allocatedByteCount < 1 << 20)
    if direction != .local { #expect(run.wire.wire < 200_000, "\(run)") }
    try image.fill(byteCount - 4096..<byteCount, with: Pattern(seed: 5))
    try image.write(Data(count: 4096), at: byteCount / 2 / 4096 * 4096)
    expectDone(try Blkmove(direction).copy(image.path, fresh.path))
    try expectEqual(fresh, image, "the update")
  }

  @Test(
    .needs(.loopDevices),
    arguments: [
      512, 1024, 4608, (1 << 20) + 512, (16 << 20) - 512,
    ] as [UInt64])
  func devicesThatAreNoMultipleOfAPage(byteCount: UInt64) throws {
    let image = try ImageFile.full(in: scratch, byteCount: byteCount, seed: 6)
    let device = try LoopDevice(byteCount: byteCount, in: scratch)
    expectDone(try Blkmove(.push).copy(image.path, device.path))
    try expectEqual(ImageFile(device.path), image)
    let copy = ImageFile(scratch.path("copy.img"))
    expectDone(try Blkmove(.pull).copy(device.path, copy.path))
    try expectEqual(copy, image)
    try image.write(Data(count: 512), at: byteCount - 512)
    expectDone(try Blkmove(.push).copy(image.path, device.path))
    try expectEqual(ImageFile(device.path), image, "the last sector is zero now")
  }
}
