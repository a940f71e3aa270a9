// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Block devices at either end and in every direction.
@Suite(.endsInTime) struct DeviceToDevice {
  private let scratch = Scratch()

  struct Case: Sendable, CustomTestStringConvertible {
    var direction: Direction
    var isSourceADevice: Bool
    var isTargetADevice: Bool

    var testDescription: String {
      let ends = [isSourceADevice, isTargetADevice].map { $0 ? "device" : "file" }
      return "\(direction) \(ends[0]) to \(ends[1])"
    }

    static let all = Direction.allCases.flatMap { direction in
      [(true, true), (true, false), (false, true)].map {
        Case(direction: direction, isSourceADevice: $0.0, isTargetADevice: $0.1)
      }
    }
  }

  private static let byteCount: UInt64 = (16 << 20) + 512

  private func sparseImage(seed: UInt64) throws -> ImageFile {
    let image = try ImageFile.make(in: scratch, byteCount: Self.byteCount)
    try image.fill(1 << 20..<4 << 20, with: Pattern(seed: seed))
    try image.fill(9 << 20..<(9 << 20) + 4096, with: Pattern(seed: seed))
    try image.fill((16 << 20)..<Self.byteCount, with: Pattern(seed: seed))
    return image
  }

  @Test(.needs(.loopDevices), arguments: Case.all)
  func everyCombinationOfKinds(_ test: Case) throws {
    let image = try sparseImage(seed: 1)
    let source = test.isSourceADevice ? try LoopDevice(over: image.path) : nil
    let backing = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 2)
    let device = test.isTargetADevice ? try LoopDevice(over: backing.path) : nil
    let target = ImageFile(device?.path ?? backing.path)

    let first = try Blkmove(test.direction).copy(source?.path ?? image.path, target.path)
    expectDone(first)
    try expectEqual(target, image)
    // What was said to be on stable storage is in the file below the device.
    try expectEqual(backing, image)

    try image.fill(5 << 20..<6 << 20, with: Pattern(seed: 3))
    expectDone(try Blkmove(test.direction).copy(source?.path ?? image.path, target.path))
    try expectEqual(target, image, "the second copy, after a change")
    if test.direction != .local {
      let again = try Blkmove(test.direction).copy(source?.path ?? image.path, target.path)
      expectDone(again)
      #expect(again.wire.wire < 4096 + 17 * 48, "equal images: \(again)")
    }
  }

  @Test(.needs(.loopDevices), arguments: Direction.allCases)
  func theRestOfALargerDeviceIsLeftAlone(direction: Direction) throws {
    let image = try sparseImage(seed: 4)
    let backing = try ImageFile.full(in: scratch, byteCount: 20 << 20, seed: 5)
    let before = try backing.copied(to: scratch)
    let device = try LoopDevice(over: backing.path)
    let run = try Blkmove(direction).copy(image.path, device.path)
    expectDone(run)
    try expectEqual(ImageFile(device.path), image, byteCount: Self.byteCount)
    let rest = Int((20 << 20) - Self.byteCount)
    #expect(
      try ImageFile(device.path).read(rest, at: Self.byteCount)
        == before.read(rest, at: Self.byteCount))
    #expect(run.outcome.error.contains("larger") || run.outcome.output.contains("larger"), "\(run)")
  }

  @Test(.needs(.loopDevices))
  func aReadOnlyDeviceIsASource() throws {
    let image = try sparseImage(seed: 6)
    let device = try LoopDevice(over: image.path, isReadOnly: true)
    expectDone(try Blkmove(.pull).copy(device.path, scratch.path("copy.img")))
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
  }

  @Test(.needs(.loopDevices))
  func aDirectoryTakesTheNameOfADevice() throws {
    let image = try sparseImage(seed: 7)
    let device = try LoopDevice(over: image.path)
    let directory = scratch.path("disks", isDirectory: true)
    expectDone(try Blkmove(.pull).copy(device.path, directory))
    let name = device.path.split(separator: "/").last!
    try expectEqual(ImageFile("\(directory)/\(name)"), image)
  }

  @Test(.needs(.loopDevices))
  func aDeviceThatChangedBelowItsCacheIsReadAfresh() throws {
    let image = try sparseImage(seed: 8)
    let device = try LoopDevice(over: image.path)
    let copy = scratch.path("copy.img")
    expectDone(try Blkmove(.local).copy(device.path, copy))
    // The page cache of the device still holds what the first copy read.
    try image.fill(2 << 20..<3 << 20, with: Pattern(seed: 9))
    try Command.succeed("sync", image.path)
    expectDone(try Blkmove(.local).copy(device.path, copy))
    try expectEqual(ImageFile(copy), image)
  }
}
