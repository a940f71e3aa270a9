// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What is found in a seed, or elsewhere in the target, is not written where its blocks can be
/// shared.
@Suite(.endsInTime, .needs(.clones)) struct SeedsAreShared {
  typealias Kind = MountedFileSystem.Kind

  private let scratch = Scratch()
  private static let byteCount: UInt64 = 32 << 20

  /// How many bytes of a file are in blocks that others have too.
  private func sharedByteCount(_ path: String) throws -> UInt64 {
    try Command.succeed("sync", "-f", path)
    let text = try Command.succeed("filefrag", "-v", "-b4096", path)
    return text.split(separator: "\n").reduce(0) { sum, line in
      let fields = line.split(separator: ":")
      guard line.contains("shared"), fields.count > 3 else { return sum }
      return sum + (UInt64(fields[3].filter(\.isNumber)) ?? 0) * 4096
    }
  }

  private func stage(_ kind: Kind) throws -> (MountedFileSystem, image: ImageFile, seed: ImageFile)
  {
    let disk = try MountedFileSystem(clonable: kind, in: scratch)
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 1)
    let seed = ImageFile(disk.path("seed.img"))
    try Command.succeed("cp", image.path, seed.path)
    // A long run, and pages between which the runs are too short to be shared.
    try seed.fill(3 << 20..<4 << 20, with: Pattern(seed: 9))
    for page in stride(from: UInt64(0), to: 512, by: 8) {
      try seed.fill(page * 4096..<(page + 1) * 4096, with: Pattern(seed: 7))
    }
    return (disk, image, seed)
  }

  @Test(arguments: Kind.clonable, Direction.remote)
  func aSeedOfTheSameFileSystem(kind: Kind, direction: Direction) throws {
    let (disk, image, seed) = try stage(kind)
    let before = try disk.usedByteCount
    let target = disk.path("copy.img")
    let run = try Blkmove(
      direction, "--compress=none", "--verify", "--json", "--seed", seed.path
    ).copy(image.path, target)
    expectDone(run)
    try expectEqual(ImageFile(target), image)
    let found = try JSONLines(run.outcome.output).figure("found_bytes")
    #expect(found == Self.byteCount - 1 << 20 - 64 * 4096, "\(run)")
    #expect(run.wire.wire < 2 << 20, "\(run)")
    #expect(try sharedByteCount(target) >= Self.byteCount - 6 << 20)
    let after = try disk.usedByteCount
    #expect(after < before + 8 << 20, "\(before) \(after)")
  }

  /// A seed that is remembered is not read to find what is in it: its groups are shared.
  @Test(arguments: Kind.clonable, Direction.remote)
  func aSeedThatIsRemembered(kind: Kind, direction: Direction) throws {
    let (disk, image, _) = try stage(kind)
    let seed = disk.path("first.img")
    usleep(50_000)
    expectDone(try Blkmove(direction).copy(image.path, seed))
    try image.fill(5 << 20..<(5 << 20) + 4096, with: Pattern(seed: 11))
    let before = try disk.usedByteCount
    let target = disk.path("copy.img")
    let run = try Blkmove(direction, "--compress=none", "--verify", "--seed", seed)
      .copy(image.path, target)
    expectDone(run)
    try expectEqual(ImageFile(target), image)
    #expect(try sharedByteCount(target) >= Self.byteCount - 1 << 20)
    let after = try disk.usedByteCount
    #expect(after < before + 4 << 20, "\(before) \(after)")
  }

  /// An image that moved within the target, in pieces that overlap each other.
  @Test(arguments: Kind.clonable, Direction.remote)
  func withinTheTargetItself(kind: Kind, direction: Direction) throws {
    let (disk, image, _) = try stage(kind)
    let target = ImageFile(disk.path("copy.img"))
    try Command.succeed("cp", image.path, target.path)
    try image.fill(16 << 20..<32 << 20, with: Pattern(seed: 1), from: 1024)
    try image.fill(4 << 20..<8 << 20, with: Pattern(seed: 1), from: 5 << 8)
    let run = try Blkmove(direction, "--compress=none", "--verify", "--no-manifest")
      .copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.wire.wire < 3 << 20, "\(run)")
    #expect(try sharedByteCount(target.path) > 8 << 20)
  }

  @Test(arguments: Kind.clonable)
  func whereSpaceIsToBeItsOwnNothingIsShared(kind: Kind) throws {
    let (disk, image, seed) = try stage(kind)
    let target = disk.path("copy.img")
    let run = try Blkmove(.push, "--no-sparse", "--seed", seed.path).copy(image.path, target)
    expectDone(run)
    try expectEqual(ImageFile(target), image)
    #expect(try sharedByteCount(target) == 0)
  }

  /// Elsewhere it is copied, and nobody is told.
  @Test(arguments: Direction.remote)
  func aSeedOfAnotherFileSystem(direction: Direction) throws {
    let (disk, image, seed) = try stage(.xfs)
    let far = try ImageFile(seed.path).copied(to: scratch)
    let target = disk.path("copy.img")
    let run = try Blkmove(direction, "--compress=none", "--seed", far.path)
      .copy(image.path, target)
    expectDone(run)
    try expectEqual(ImageFile(target), image)
    #expect(run.wire.wire < 2 << 20, "\(run)")
    #expect(try sharedByteCount(target) == 0)
  }
}
