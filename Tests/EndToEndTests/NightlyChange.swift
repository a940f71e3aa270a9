// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A real system after a day of real work, brought to the copy of the day before.
@Suite(.endsInTime) struct NightlyChange {
  private let scratch = Scratch()

  /// The bound of the specification, both directions together, nothing compressed: 1.03 times the
  /// changed pages, 1 KiB for each segment that differs, 48 bytes for each segment scanned.
  static func bound(_ census: PageCensus) -> UInt64 {
    census.differing * 4096 * 103 / 100 + census.differingSegments * 1024 + census.segments * 48
  }

  @Test(arguments: Direction.remote)
  func onlyWhatChangedCrossesTheWire(direction: Direction) throws {
    let image = try SystemImages.firstNextDay.get()
    let target = try SystemImages.first.get().copied(to: scratch)
    let census = try PageCensus.of(source: image, target: target)
    let run = try Blkmove(direction, "--compress=none").copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.wire.wire <= Self.bound(census), "\(census) \(run)")
    try checkFileSystem(target)
  }

  @Test(arguments: Direction.remote)
  func compressedItIsLessStill(direction: Direction) throws {
    let image = try SystemImages.firstNextDay.get()
    let target = try SystemImages.first.get().copied(to: scratch)
    let census = try PageCensus.of(source: image, target: target)
    let run = try Blkmove(direction).copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.wire.wire < Self.bound(census) * 9 / 10, "\(census) \(run)")
  }

  @Test func goingBackADayIsTheSameWork() throws {
    let image = try SystemImages.first.get()
    let target = try SystemImages.firstNextDay.get().copied(to: scratch)
    let census = try PageCensus.of(source: image, target: target)
    let run = try Blkmove(.push, "--compress=none").copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.wire.wire <= Self.bound(census), "\(census) \(run)")
  }

  @Test(.needs(.loopDevices)) func betweenDevicesTheSame() throws {
    let image = try SystemImages.firstNextDay.get().copied(to: scratch)
    let target = try SystemImages.first.get().copied(to: scratch)
    let census = try PageCensus.of(source: image, target: target)
    let (source, device) = (try LoopDevice(over: image.path), try LoopDevice(over: target.path))
    let run = try Blkmove(.push, "--compress=none").copy(source.path, device.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.wire.wire <= Self.bound(census), "\(census) \(run)")
  }

  @Test(arguments: [1, 2, 7, 64, 256])
  func onePageInEverySoMany(distance: UInt64) throws {
    let target = try ImageFile.full(in: scratch, byteCount: 16 << 20, seed: 1)
    let image = try target.copied(to: scratch)
    for page in stride(from: 0, to: UInt64(4096), by: UInt64.Stride(distance)) {
      try image.fill(page * 4096..<page * 4096 + 4096, with: Pattern(seed: 2), from: page)
    }
    let census = try PageCensus.of(source: image, target: target)
    let run = try Blkmove(.push, "--compress=none").copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.wire.wire <= Self.bound(census) + 4096, "\(census) \(run)")
  }

  private func checkFileSystem(_ image: ImageFile) throws {
    let check = try Command("e2fsck", "-fn", image.path).run()
    #expect(check.status == 0, "\(check)")
  }
}
