// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Images that are equal cost their segment digests and nothing more, and nothing is written.
@Suite(.endsInTime) struct EqualImagesCostLittle {
  private let scratch = Scratch()

  @Test(arguments: Direction.remote)
  func aRealSystemOf8GiBCostsLessThan400KiB(direction: Direction) throws {
    let image = try SystemImages.first.get()
    let target = try image.copied(to: scratch)
    let before = try FileManager.default.attributesOfItem(atPath: target.path)
    let blocks = target.allocatedByteCount
    let run = try Blkmove(direction, "--compress=none").copy(image.path, target.path)
    expectDone(run)
    #expect(run.wire.wire < 400 << 10, "\(run)")
    try expectEqual(target, image)
    let after = try FileManager.default.attributesOfItem(atPath: target.path)
    #expect(before[.modificationDate] as? Date == after[.modificationDate] as? Date)
    // The file system itself may take a block when it writes the copy out.
    #expect(target.allocatedByteCount <= blocks + 65_536)
  }

  @Test(arguments: Direction.remote)
  func emptyImagesOf1TiBCostAlmostNothing(direction: Direction) throws {
    let image = try ImageFile.make(in: scratch, byteCount: 1 << 40)
    let target = try ImageFile.make(in: scratch, byteCount: 1 << 40)
    let run = try Blkmove(direction).copy(image.path, target.path)
    expectDone(run)
    #expect(run.wire.wire < 64 << 10, "zeros are runs, not digests: \(run)")
  }

  @Test(arguments: Direction.remote)
  func aDryRunOverEqualImagesSaysSo(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 5 << 20, seed: 1)
    let target = try image.copied(to: scratch)
    let run = try Blkmove(direction, "-n", "--json").copy(image.path, target.path)
    expectDone(run)
    #expect(run.wire.wire < 8 << 10, "\(run)")
  }
}
