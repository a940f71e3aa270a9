// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The plain case in every direction: afterwards the other end has it, exactly, under the right
/// name and with nothing beside it.
@Suite(.endsInTime) struct FirstCopy {
  private let scratch = Scratch()

  /// Data, holes, zeros written out, and a last page that is short.
  private func source(named name: String = "disk.img", seed: UInt64) throws -> ImageFile {
    let image = try ImageFile.make(in: scratch, named: name, byteCount: (20 << 20) + 777)
    let pattern = Pattern(seed: seed)
    try image.fill(0..<5 << 20, with: pattern)
    try image.write(Data(count: 2 << 20), at: 8 << 20)
    try image.fill((12 << 20) + 4096..<(12 << 20) + 16_384, with: pattern)
    try image.fill((19 << 20)..<(20 << 20) + 777, with: pattern)
    return image
  }

  @Test(arguments: Direction.allCases)
  func aNewFileHoldsTheSame(direction: Direction) throws {
    let image = try source(seed: 1)
    let target = ImageFile(scratch.path("there", isDirectory: true) + "/copy.img")
    let run = try Blkmove(direction).copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("there")).count == 1)
  }

  @Test(arguments: Direction.allCases)
  func aNewFileGetsTheUsualPermissions(direction: Direction) throws {
    let image = try source(seed: 2)
    try Blkmove(direction).succeed(image.path, scratch.path("copy.img"))
    let attributes = try FileManager.default.attributesOfItem(atPath: scratch.path("copy.img"))
    let mask = try Command.succeed("sh", "-c", "umask")
    let expected = 0o666 & ~(Int(mask, radix: 8) ?? 0o022)
    #expect(attributes[.posixPermissions] as? Int == expected)
  }

  @Test(arguments: Direction.allCases)
  func anExistingFileIsUpdatedInPlace(direction: Direction) throws {
    let image = try source(seed: 3)
    let target = try ImageFile.full(in: scratch, byteCount: 20 << 20, seed: 4)
    let otherName = scratch.path("hard-link.img")
    try FileManager.default.linkItem(atPath: target.path, toPath: otherName)
    expectDone(try Blkmove(direction).copy(image.path, target.path))
    try expectEqual(target, image)
    try expectEqual(ImageFile(otherName), image, "the same file under its other name")
  }

  @Test(arguments: Direction.allCases, ["", "/"])
  func aDirectoryTakesTheNameOfTheSource(direction: Direction, ending: String) throws {
    let image = try source(seed: 5)
    let directory = scratch.path("disks", isDirectory: true)
    expectDone(try Blkmove(direction).copy(image.path, directory + ending))
    try expectEqual(ImageFile(directory + "/disk.img"), image)
  }

  @Test(arguments: Direction.allCases)
  func severalSourcesGoIntoOneDirectory(direction: Direction) throws {
    let images = try (0..<3).map { try source(named: "disk\($0).img", seed: 10 + UInt64($0)) }
    let directory = scratch.path("disks", isDirectory: true)
    let mover = Blkmove(direction)
    let operands =
      images.map { mover.place($0.path, isSource: true) }
      + [mover.place(directory, isSource: false)]
    expectDone(try mover.run([], operands))
    for (number, image) in images.enumerated() {
      try expectEqual(ImageFile(directory + "/disk\(number).img"), image)
    }
  }

  @Test func severalSourcesNeedADirectory() throws {
    let images = try (0..<2).map { try source(named: "disk\($0).img", seed: 20 + UInt64($0)) }
    let target = scratch.path("no-directory")
    let outcome = try Blkmove.plain(images[0].path, images[1].path, target)
    #expect(outcome.status != 0 && !FileManager.default.fileExists(atPath: target), "\(outcome)")
    #expect(outcome.error.contains("directory"), "\(outcome)")
  }

  @Test(arguments: Direction.allCases)
  func aSymbolicLinkIsFollowedAndKept(direction: Direction) throws {
    let image = try source(seed: 6)
    let target = try ImageFile.full(in: scratch, named: "real.img", byteCount: 1 << 20, seed: 7)
    let link = scratch.path("link.img")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "real.img")
    expectDone(try Blkmove(direction).copy(image.path, link))
    try expectEqual(target, image)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "real.img")
  }

  @Test func noStateIsLeftWhenAllWentWell() throws {
    let image = try source(seed: 8)
    let target = try ImageFile.full(in: scratch, byteCount: 9 << 20, seed: 9)
    var mover = Blkmove()
    let state = scratch.path("state", isDirectory: true)
    mover.environment["BLKMOVE_STATE_DIR"] = state
    expectDone(try mover.copy(image.path, target.path))
    #expect(try FileManager.default.contentsOfDirectory(atPath: state) == [])
  }
}
