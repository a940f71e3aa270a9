// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// What was interrupted cannot be mistaken for an image that is whole.
@Suite(.endsInTime) struct NeverTakenForComplete {
  private let scratch = Scratch()
  private static let byteCount: UInt64 = 16 << 20

  @Test(arguments: Direction.remote)
  func aStreamThatIsCutIsAnError(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 1)
    var mover = Blkmove(direction, "--compress=none")
    let whole = try mover.copy(image.path, scratch.path("reference.img"))
    expectDone(whole)
    let last = whole.wire.wire - 1
    for point in 0..<10 {
      let target = scratch.newPath("copy.img")
      mover.event = (point == 9 ? last : last * UInt64(point) / 9, .cut)
      let cut = try mover.copy(image.path, target)
      if cut.status == 0 {
        #expect(point == 9, "\(cut)")
        try expectEqual(ImageFile(target), image)
      } else {
        expectComplaint(cut.outcome, status: 4)
        if point < 8 { #expect(!FileManager.default.fileExists(atPath: target), "\(cut)") }
      }
    }
  }

  @Test(arguments: Direction.remote)
  func aChangedImageIsMarkedUntilItIsWhole(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 2)
    let target = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 3)
    var mover = Blkmove(direction, "--compress=none")
    mover.event = (8 << 20, .cut)
    #expect(try mover.copy(image.path, target.path).status == 4)
    mover.event = nil

    // The mark is kept at the target's end.
    let reader = Blkmove(direction == .push ? .pull : .local)
    let refused = try reader.copy(target.path, scratch.path("third.img"))
    expectComplaint(refused.outcome, status: 6, target.path, "unfinished")
    let place = reader.place(target.path, isSource: true)
    let digest = try reader.run(["digest"], [place])
    expectComplaint(digest.outcome, status: 6, "unfinished")
    var forced = reader
    forced.options.append("--force")
    expectDone(try forced.copy(target.path, scratch.path("third.img")))

    expectDone(try mover.copy(image.path, target.path))
    try expectEqual(target, image)
    expectDone(try reader.copy(target.path, scratch.path("fourth.img")))
    try expectEqual(ImageFile(scratch.path("fourth.img")), image)
  }

  @Test(.needs(.loopDevices))
  func aDeviceIsMarkedToo() throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 4)
    let device = try LoopDevice(byteCount: Self.byteCount, in: scratch)
    var mover = Blkmove(.pull, "--compress=none")
    mover.event = (8 << 20, .cut)
    #expect(try mover.copy(image.path, device.path).status == 4)
    let refused = try Blkmove().copy(device.path, scratch.path("third.img"))
    expectComplaint(refused.outcome, status: 6, device.path, "unfinished")
    mover.event = nil
    expectDone(try mover.copy(image.path, device.path))
    expectDone(try Blkmove().copy(device.path, scratch.path("third.img")))
    try expectEqual(ImageFile(scratch.path("third.img")), image)
  }

  /// An inode is given away again as soon as its file is deleted.
  @Test func aMarkDoesNotPassToAnotherFile() throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 8)
    let target = try ImageFile.make(in: scratch, named: "target.img", byteCount: Self.byteCount)
    var mover = Blkmove(.pull, "--compress=none")
    mover.event = (8 << 20, .cut)
    #expect(try mover.copy(image.path, target.path).status == 4)
    let attributes = try FileManager.default.attributesOfItem(atPath: target.path)
    try FileManager.default.removeItem(atPath: target.path)
    for number in 0..<20 {
      let other = try ImageFile.full(
        in: scratch, named: "other-\(number).img", byteCount: 4096, seed: UInt64(number))
      let inode = try FileManager.default.attributesOfItem(atPath: other.path)[.systemFileNumber]
      let run = try Blkmove().copy(other.path, scratch.path("copy-\(number).img"))
      #expect(run.status == 0, "\(run)")
      if inode as? Int == attributes[.systemFileNumber] as? Int { break }
    }
  }

  @Test func aMarkThatCannotBeKeptIsANote() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 1 << 20, seed: 5)
    let target = try ImageFile.full(in: scratch, byteCount: 1 << 20, seed: 6)
    var mover = Blkmove()
    mover.environment["BLKMOVE_STATE_DIR"] = "/proc/no-state-here"
    let run = try mover.copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.outcome.error.contains("/proc/no-state-here"), "\(run)")
  }

  @Test(arguments: Direction.remote)
  func theUnfinishedFileHasAnotherName(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 7)
    let directory = scratch.path("there", isDirectory: true)
    var mover = Blkmove(direction, "--compress=none")
    mover.event = (8 << 20, .cut)
    #expect(try mover.copy(image.path, directory + "/copy.img").status == 4)
    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
    #expect(names == [".copy.img.blkmove-part"])
  }
}
