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

  /// The target's own directory: other images of it are seeds, and the target itself is none.
  @Test(arguments: Direction.remote, [true, false])
  func aDirectoryStandsForItsImages(direction: Direction, isNew: Bool) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 12 << 20, seed: 1)
    let directory = scratch.path("images")
    try Command.succeed("mkdir", directory, directory + "/empty-directory")
    for number in 0..<3 {
      let seed = ImageFile(directory + "/disk-\(number).img")
      try Command.succeed("truncate", "-s", "9M", seed.path)
      try seed.fill(1 << 20..<5 << 20, with: Pattern(seed: 1), from: UInt64(number) * 1024)
    }
    try Command.succeed("cp", image.path, directory + "/.hidden.blkmove-part")
    try Command.succeed("mkfifo", directory + "/pipe")
    let copy = ImageFile(directory + "/copy.img")
    if !isNew { try Command.succeed("truncate", "-s", "12M", copy.path) }
    let run = try Blkmove(direction, "--compress=none", "--seed", directory)
      .copy(image.path, copy.path)
    expectDone(run)
    try expectEqual(copy, image)
    #expect(run.wire.wire < 200_000, "\(run)")
  }

  /// What a manifest says of a seed is enough to copy its groups, and to know that it has none.
  @Test(arguments: Direction.remote)
  func aRememberedSeedIsNotReadForNothing(direction: Direction) throws {
    let (first, seed) = (
      try ImageFile.full(in: scratch, byteCount: 12 << 20, seed: 1),
      ImageFile(scratch.path("first.img"))
    )
    let stranger = try ImageFile.full(in: scratch, byteCount: 512 << 10, seed: 2)
    usleep(50_000)
    expectDone(try Blkmove(direction).copy(first.path, seed.path))

    try seed.leaveCache()
    var run = try Blkmove(direction, "--seed", seed.path)
      .copy(stranger.path, scratch.path("stranger.img"))
    expectDone(run)
    #expect(try seed.cachedByteCount() < 256 << 10)

    try first.fill(5 << 20..<(5 << 20) + 4096, with: Pattern(seed: 9))
    run = try Blkmove(direction, "--compress=none", "--seed", seed.path)
      .copy(first.path, scratch.path("second.img"))
    expectDone(run)
    try expectEqual(ImageFile(scratch.path("second.img")), first)
    // One group is not there; its other pages are not looked for.
    #expect(run.wire.wire < 65536 + 12 * 512 + 8192, "\(run)")

    // Nobody remembers it: now it has to be read.
    try seed.leaveCache()
    run = try Blkmove(direction, "--no-manifest", "--seed", seed.path)
      .copy(stranger.path, scratch.path("stranger-2.img"))
    expectDone(run)
    #expect(try seed.cachedByteCount() >= 12 << 20)
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
