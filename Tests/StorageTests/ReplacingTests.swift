// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Glibc
import Testing

@testable import Storage

/// A target file that is replaced by its clone: what is where at every moment, and what becomes of
/// everything that belongs to it.
@Suite(
  .needsRootAnd("mkfs.xfs", "mkfs.btrfs", "mount"), .timeLimit(.minutes(2))
) struct ReplacingTests {
  let scratch = Scratch()
  private static let byteCount = (5 << 20) + 1000

  /// With an image that is there.
  private func disk(_ kind: ClonableDisk.Kind = .xfs) throws -> ClonableDisk {
    let disk = try ClonableDisk(kind)
    disk.write(pattern(Self.byteCount), to: "a")
    // Times of this moment are not told from those of a change that comes at once.
    usleep(20_000)
    return disk
  }

  private func request(_ disk: ClonableDisk, byteCount: Int = byteCount) -> TargetRequest {
    TargetRequest(
      path: disk.file("a"), suggestedName: "", sourceByteCount: UInt64(byteCount), isAtomic: true)
  }

  private func open(_ disk: ClonableDisk, _ faults: Faults = Faults()) throws -> TargetImage {
    try TargetImage.open(request(disk), within: .anything, on: scratch.machine(faults))
  }

  private static let part = ".a.blkmove-part"

  private func changed(_ bytes: [UInt8], at offset: Int) -> [UInt8] {
    var content = pattern(Self.byteCount)
    content.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    return content
  }

  @Test(arguments: ClonableDisk.Kind.allCases)
  func theOldFileIsNeverChanged(_ kind: ClonableDisk.Kind) throws {
    let disk = try disk(kind)
    let before = disk.status("a")
    let target = try open(disk)
    #expect(!target.isNew && !target.startsZero && !target.wasUnfinished)
    #expect(try target.allBytes() == pattern(Self.byteCount))
    try target.write([1, 2, 3], at: 4095)
    try target.zero(1 << 20..<2 << 20)
    #expect(disk.bytes(of: "a") == pattern(Self.byteCount))
    #expect(scratch.unfinishedMarks == [] && disk.names == [Self.part, "a"])
    try target.complete()
    var expected = changed([1, 2, 3], at: 4095)
    expected.replaceSubrange(1 << 20..<2 << 20, with: repeatElement(0, count: 1 << 20))
    #expect(disk.bytes(of: "a") == expected)
    #expect(disk.names == ["a"] && disk.status("a").st_ino != before.st_ino)
  }

  @Test(arguments: [100, 9 << 20])
  func itGetsTheNewSize(_ byteCount: Int) throws {
    let disk = try disk()
    let target = try TargetImage.open(
      request(disk, byteCount: byteCount), within: .anything, on: scratch.machine)
    if byteCount > Self.byteCount { try target.write([7], at: UInt64(byteCount - 1)) }
    try target.complete()
    let kept = min(byteCount, Self.byteCount)
    let bytes = try #require(disk.bytes(of: "a"))
    #expect(bytes.count == byteCount && bytes[..<kept] == pattern(Self.byteCount)[..<kept])
  }

  @Test func everythingElseStaysWhatItWas() throws {
    let disk = try disk()
    let path = disk.file("a")
    try Command.run("chown", "1234:2345", path)
    #expect(chmod(path, 0o4750) == 0)
    let file = try SystemCalls.kernel.open(path, in: AT_FDCWD, flags: O_RDWR)
    try SystemCalls.kernel.setAttribute("user.one", to: [1, 0, 2], of: file.number)
    // An access control list: the owner, user 77, the group, the mask, others.
    var list: [UInt8] = [2, 0, 0, 0]
    for (tag, permission, who) in [
      (1, 6, UInt32.max), (2, 4, 77), (4, 5, .max), (16, 5, .max), (32, 0, .max),
    ] as [(UInt16, UInt16, UInt32)] {
      for value in [tag, permission] { list += [UInt8(value & 255), UInt8(value >> 8)] }
      list += (0..<4).map { UInt8(truncatingIfNeeded: who >> (8 * $0)) }
    }
    try SystemCalls.kernel.setAttribute("system.posix_acl_access", to: list, of: file.number)
    try file.close()
    let before = disk.status("a")

    let target = try open(disk)
    try target.write([1], at: 0)
    try target.complete()
    #expect(target.notes == [])
    let after = disk.status("a")
    #expect(after.st_uid == 1234 && after.st_gid == 2345 && after.st_mode == before.st_mode)
    let now = try SystemCalls.kernel.open(path, in: AT_FDCWD, flags: O_RDONLY)
    #expect(try SystemCalls.kernel.attribute("user.one", of: now.number) == [1, 0, 2])
    #expect(
      try SystemCalls.kernel.attribute("system.posix_acl_access", of: now.number) == list)
  }

  /// As libvirt makes the images of its pools.
  @Test func aFileWithoutChecksumsHasACloneWithout() throws {
    let disk = try ClonableDisk(.btrfs)
    let path = disk.write([], to: "a")
    let file = try SystemCalls.kernel.open(path, in: AT_FDCWD, flags: O_RDWR)
    try SystemCalls.kernel.setWithoutCopies(file.number, to: true)
    let failure = pattern(Self.byteCount).withUnsafeBytes { file.writeAll($0, at: 0).failure }
    #expect(failure == nil)
    try file.close()
    let plain = try SystemCalls.kernel.open(path, in: AT_FDCWD, flags: O_RDONLY)
    try #require(try SystemCalls.kernel.isWithoutCopies(plain.number))
    try plain.close()
    let target = try open(disk)
    try target.write([1], at: 0)
    try target.complete()
    #expect(disk.bytes(of: "a") == changed([1], at: 0))
    let now = try SystemCalls.kernel.open(path, in: AT_FDCWD, flags: O_RDONLY)
    #expect(try SystemCalls.kernel.isWithoutCopies(now.number))
  }

  // MARK: Interrupted

  @Test func aCloneThatWasBegunIsTakenUp() throws {
    let disk = try disk()
    let first = try open(disk)
    try first.write([1, 2, 3], at: 4095)
    first.abandon()
    #expect(disk.bytes(of: "a") == pattern(Self.byteCount))
    let second = try open(disk)
    #expect(second.wasUnfinished && !second.isNew)
    #expect(try second.bytes(4094..<4099) == Array(changed([1, 2, 3], at: 4095)[4094..<4099]))
    try second.complete()
    #expect(disk.bytes(of: "a") == changed([1, 2, 3], at: 4095) && disk.names == ["a"])
  }

  /// A part file of long ago, or one whose making was interrupted.
  @Test(arguments: ["old", "short", "unwanted"])
  func aPartFileOfLessUseIsClonedAnew(_ why: String) throws {
    let disk = try disk()
    let first = try open(disk)
    try first.write([1, 2, 3], at: 4095)
    first.abandon()
    usleep(20_000)
    if why == "old" { disk.write(changed([9], at: 0), to: "a") }
    if why == "short" { #expect(truncate(disk.file(Self.part), 4096) == 0) }
    var request = request(disk)
    request.goesOn = why != "unwanted"
    let second = try TargetImage.open(request, within: .anything, on: scratch.machine)
    #expect(!second.wasUnfinished)
    let expected = why == "old" ? changed([9], at: 0) : pattern(Self.byteCount)
    #expect(try second.allBytes() == expected)
    try second.complete()
    #expect(disk.bytes(of: "a") == expected && disk.names == ["a"])
  }

  @Test func whatWasNotWrittenToIsNotLeft() throws {
    let disk = try disk()
    try open(disk).abandon()
    #expect(disk.names == ["a"])
  }

  @Test(arguments: [EOPNOTSUPP, ENOTTY, EXDEV, EINVAL])
  func whereItCannotBeClonedItIsRefused(_ number: Int32) throws {
    let disk = try disk()
    for isDryRun in [false, true] {
      var request = request(disk)
      request.isDryRun = isDryRun
      let error = #expect(throws: StorageError.self) {
        try TargetImage.open(
          request, within: .anything, on: scratch.machine(Faults(.clone, .fail(number))))
      }
      #expect(error?.kind == .refused(.irreplaceable))
      #expect(error?.hint?.contains("without --atomic") == true)
      #expect(disk.names == ["a"] && disk.bytes(of: "a") == pattern(Self.byteCount))
    }
  }

  @Test func anOwnerThatCannotBeKeptIsRefused() throws {
    let disk = try disk()
    try Command.run("chown", "1234", disk.file("a"))
    let error = #expect(throws: StorageError.self) {
      try open(disk, Faults(.changeOwner, .fail(EPERM)))
    }
    #expect(error?.kind == .refused(.irreplaceable) && disk.names == ["a"])
  }

  @Test(arguments: [SystemCall.Name.synchronizeData, .synchronize, .duplicate, .rename])
  func whatFailsAtTheEndLeavesTheOldOne(_ call: SystemCall.Name) throws {
    let disk = try disk()
    let faults = Faults()
    let target = try open(disk, faults)
    try target.write([1], at: 0)
    faults.add(call, .fail(EIO))
    #expect(throws: StorageError.self) { try target.complete() }
    target.abandon()
    #expect(disk.bytes(of: "a") == pattern(Self.byteCount))
    try open(disk).complete()
    #expect(disk.bytes(of: "a") == changed([1], at: 0))
  }

  @Test func whatSomebodyElsePutThereIsNotReplaced() throws {
    let disk = try disk()
    let target = try open(disk)
    try target.write([1], at: 0)
    disk.write([5], to: "b")
    #expect(rename(disk.file("b"), disk.file("a")) == 0)
    let error = #expect(throws: StorageError.self) { try target.complete() }
    #expect(error?.kind == .refused(.irreplaceable))
    #expect(error?.hint == "the whole copy is in \(Self.part)")
    #expect(disk.bytes(of: "a") == [5] && disk.bytes(of: Self.part) == changed([1], at: 0))
  }

  @Test func bothFilesAreLocked() throws {
    let disk = try disk()
    let target = try open(disk)
    for isAtomic in [true, false] {
      var request = request(disk)
      request.isAtomic = isAtomic
      let error = #expect(throws: StorageError.self) {
        try TargetImage.open(request, within: .anything, on: scratch.machine)
      }
      #expect(error?.kind == .refused(.locked))
    }
    // But whoever reads it is not told that somebody writes.
    let reader = try SourceImage.open(
      disk.file("a"), within: .anything, isForced: false, on: scratch.machine)
    #expect(reader.notes.count <= 1)
    target.abandon()
    try open(disk).complete()
  }

  /// In place, interrupted, and then replaced: the mark of the old file goes with it.
  @Test func theMarkOfTheOldFileGoesWithIt() throws {
    let disk = try disk()
    var inPlace = request(disk)
    inPlace.isAtomic = false
    let first = try TargetImage.open(inPlace, within: .anything, on: scratch.machine)
    try first.write([1], at: 0)
    first.abandon()
    #expect(scratch.unfinishedMarks.count == 1)
    let second = try open(disk)
    #expect(second.wasUnfinished)
    try second.write([2], at: 0)
    #expect(scratch.unfinishedMarks.count == 1)
    try second.complete()
    #expect(scratch.unfinishedMarks == [] && disk.bytes(of: "a") == changed([2], at: 0))
  }
}
