// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Other images at the target's end, named by `--seed`, whose pages need not be sent.
@Suite(.endsInTime) struct SeedsAreUsed {
  private let scratch = Scratch()

  @Test(arguments: Direction.remote)
  func aSecondSystemFromTheSeedOfAFirst(direction: Direction) throws {
    let (image, seed) = (try SystemImages.second.get(), try SystemImages.first.get())
    let census = try PageCensus.of(source: image, target: seed)
    let target = scratch.path("copy.img")
    let run = try Blkmove(direction, "--compress=none", "--seed", seed.path).copy(
      image.path, target)
    expectDone(run)
    try expectEqual(ImageFile(target), image)
    #expect(run.wire.wire <= census.missing * 4096 * 11 / 10, "\(census) \(run)")
  }

  @Test(arguments: Direction.allCases)
  func severalSeedsTogetherHoldAll(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 12 << 20, seed: 1)
    let seeds = try (0..<3).map { number in
      let seed = try ImageFile.make(in: scratch, byteCount: 9 << 20)
      try seed.fill(1 << 20..<5 << 20, with: Pattern(seed: 1), from: UInt64(number) * 1024)
      return seed
    }
    var mover = Blkmove(direction, "--compress=none")
    for seed in seeds { mover.options += ["--seed", seed.path] }
    let run = try mover.copy(image.path, scratch.path("copy.img"))
    expectDone(run)
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
    if direction != .local { #expect(run.wire.wire < 200_000, "\(run)") }
  }

  @Test func aSeedIsReadOnly() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 2)
    let seed = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 2)
    let before = try FileManager.default.attributesOfItem(atPath: seed.path)
    try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: seed.path)
    let run = try Blkmove(.push, "--seed", seed.path).copy(image.path, scratch.path("copy.img"))
    expectDone(run)
    try expectEqual(seed, image)
    let after = try FileManager.default.attributesOfItem(atPath: seed.path)
    #expect(before[.modificationDate] as? Date == after[.modificationDate] as? Date)
  }

  @Test(.needs(.loopDevices))
  func aDeviceIsASeed() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 3)
    let seed = try LoopDevice(over: image.copied(to: scratch).path)
    let run = try Blkmove(.push, "--compress=none", "--seed", seed.path)
      .copy(image.path, scratch.path("copy.img"))
    expectDone(run)
    #expect(run.wire.wire < 100_000, "\(run)")
  }

  @Test(arguments: Direction.remote)
  func aSeedThatIsMissingIsSaid(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 1 << 20, seed: 4)
    let run = try Blkmove(direction, "--seed", scratch.path("no-seed.img"))
      .copy(image.path, scratch.path("copy.img"))
    #expect(run.outcome.error.contains("no-seed.img"), "\(run)")
    #expect(run.outcome.error.contains("No such file"), "\(run)")
    expectNoTrap(run.outcome)
  }

  @Test func aSeedOfAnotherSizeAndAShortLastPageServes() throws {
    let image = try ImageFile.full(in: scratch, byteCount: (3 << 20) + 1000, seed: 5)
    let seed = try ImageFile.make(in: scratch, byteCount: (7 << 20) + 333)
    try seed.fill(2 << 20..<5 << 20, with: Pattern(seed: 5), from: 0)
    let run = try Blkmove(.push, "--compress=none", "--seed", seed.path)
      .copy(image.path, scratch.path("copy.img"))
    expectDone(run)
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
    #expect(run.wire.wire < 100_000, "\(run)")
  }

  /// What several images of one run share crosses once, in whichever of them it comes first.
  @Test(arguments: Direction.remote)
  func whatSeveralSourcesShareIsSentOnce(direction: Direction) throws {
    let byteCount: UInt64 = 8 << 20
    let images = try (0..<3).map { number in
      let image = try ImageFile.full(
        in: scratch, named: "vm\(number).img", byteCount: byteCount, seed: 1)
      let start = UInt64(number) << 20
      try image.fill(start..<start + 65536, with: Pattern(seed: UInt64(20 + number)))
      return image
    }
    let directory = scratch.path("there", isDirectory: true) + "/"
    let mover = Blkmove(direction, "--compress=none")
    let run = try mover.run(
      [],
      images.map { mover.place($0.path, isSource: true) }
        + [mover.place(directory, isSource: false)])
    expectDone(run)
    for number in 0..<3 {
      try expectEqual(ImageFile(directory + "vm\(number).img"), images[number])
    }
    #expect(run.wire.wire < byteCount + 500_000, "\(run)")
  }
}
