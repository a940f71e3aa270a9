// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `digest` says the name that another implementation says too; `verify` compares and changes
/// nothing; `--verify` believes the medium only.
@Suite(.endsInTime) struct VerifyAndDigest {
  private let scratch = Scratch()

  private func digest(_ path: String, _ direction: Direction = .local) throws -> String {
    let mover = Blkmove(direction)
    let run = try mover.run(["digest"], [mover.place(path, isSource: true)])
    expectDone(run)
    return run.outcome.output.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
  }

  private func expectOracle(
    _ image: ImageFile, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let expected = try Command.succeed(Tool.script("image-digest"), image.path)
    #expect(try digest(image.path) == expected, sourceLocation: sourceLocation)
  }

  @Test(arguments: OddSizes.small)
  func theDigestOfOddSizes(byteCount: UInt64) throws {
    try expectOracle(try ImageFile.full(in: scratch, byteCount: byteCount, seed: 1))
    try expectOracle(try ImageFile.make(in: scratch, byteCount: byteCount))
  }

  @Test(
    arguments: [
      (300 << 20) + 1, (4 << 30) + 4097, (16 << 30) + 1, 1 << 40, (8 << 40) - 4096,
    ] as [UInt64])
  func theDigestOfBigSparseImages(byteCount: UInt64) throws {
    let image = try ImageFile.make(in: scratch, byteCount: byteCount)
    for offset in [5 << 20, byteCount / 3, byteCount - 9000] {
      try image.fill(offset..<offset + 8192, with: Pattern(seed: 2))
    }
    try expectOracle(image)
  }

  @Test func theDigestOfARealSystemAtEitherEnd() throws {
    let image = try SystemImages.first.get()
    try expectOracle(image)
    #expect(try digest(image.path, .pull) == digest(image.path))
  }

  @Test func holesAndZerosHaveTheSameDigest() throws {
    let image = try ImageFile.make(in: scratch, byteCount: 5 << 20)
    let other = try ImageFile.make(in: scratch, byteCount: 5 << 20)
    try other.write(Data(count: 5 << 20), at: 0)
    #expect(try digest(image.path) == digest(other.path))
  }

  @Test(arguments: Direction.allCases)
  func equalImagesVerify(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: (9 << 20) + 13, seed: 3)
    let other = try image.copied(to: scratch)
    let run = try Blkmove(direction).verify(image.path, other.path)
    expectDone(run)
    if direction != .local { #expect(run.wire.wire < 20_000, "\(run)") }
  }

  @Test(arguments: Direction.allCases, [0, 4_100_000, 9_437_195])
  func oneBitIsADifference(direction: Direction, offset: UInt64) throws {
    let image = try ImageFile.full(in: scratch, byteCount: (9 << 20) + 13, seed: 4)
    let other = try image.copied(to: scratch)
    let byte = try image.read(1, at: offset)[0]
    try other.write(Data([byte ^ 1]), at: offset)
    let before = try other.copied(to: scratch)
    let run = try Blkmove(direction).verify(image.path, other.path)
    #expect(run.status == 3, "\(run)")
    expectNoTrap(run.outcome)
    #expect((run.outcome.output + run.outcome.error).contains("differ"), "\(run)")
    try expectEqual(other, before)
  }

  @Test(arguments: Direction.allCases)
  func imagesOfUnequalSizeDiffer(direction: Direction) throws {
    let image = try ImageFile.make(in: scratch, byteCount: 5 << 20)
    let other = try ImageFile.make(in: scratch, byteCount: 6 << 20)
    #expect(try Blkmove(direction).verify(image.path, other.path).status == 3)
  }

  @Test(arguments: Direction.allCases)
  func aMissingImageIsNoDifference(direction: Direction) throws {
    let image = try ImageFile.make(in: scratch, byteCount: 5 << 20)
    let run = try Blkmove(direction).verify(image.path, scratch.path("missing.img"))
    expectComplaint(run.outcome, status: 1, "missing.img")
    let other = try Blkmove(direction).verify(scratch.path("missing.img"), image.path)
    expectComplaint(other.outcome, status: 1, "missing.img")
    #expect(scratch.names.count == 1)
  }

  @Test(arguments: Direction.allCases)
  func theTargetIsReadBack(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: (12 << 20) + 700, seed: 5)
    let target = ImageFile(scratch.path("copy.img"))
    let run = try Blkmove(direction, "--verify", "--json").copy(image.path, target.path)
    expectDone(run)
    let result = try JSONLines(run.outcome.output).result
    let images = result["images"] as? [[String: Any]]
    #expect(images?.first?["is_verified"] as? Bool == true, "\(run)")
    try expectEqual(target, image)
    expectDone(try Blkmove(direction, "--verify").copy(image.path, target.path))
  }

  /// A medium that takes a write and keeps something else: only reading it back shows that.
  @Test(.needs(.fuse), arguments: Direction.allCases)
  func aMediumThatLiesIsFoundOut(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 6)
    let medium = try FuseFile.lying(byteCount: 4 << 20, in: scratch)
    let mover = try Blkmove(direction, "--verify").withMarksOfItsOwn(in: scratch)
    let run = try mover.copy(image.path, medium.path)
    expectComplaint(run.outcome, status: 1, "target")
    #expect(run.outcome.error.contains("reads back"), "\(run)")
  }

  @Test(.needs(.loopDevices), arguments: Direction.allCases)
  func aDeviceIsReadBack(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: (4 << 20) + 1536, seed: 7)
    let device = try LoopDevice(byteCount: 6 << 20, in: scratch)
    expectDone(try Blkmove(direction, "--verify").copy(image.path, device.path))
    try expectEqual(ImageFile(device.path), image, byteCount: image.byteCount)
    expectDone(try Blkmove(direction, "--size-policy=min").verify(image.path, device.path))
  }
}
