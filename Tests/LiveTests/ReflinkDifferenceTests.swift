// SPDX-License-Identifier: Apache-2.0

import Blocks
import CLinux
import Foundation
import Glibc
import Testing
import Transfer

@testable import Live

@Suite(.serialized, .timeLimit(.minutes(2)), .needsRootAnd("mkfs.xfs", "mkfs.btrfs"))
struct ReflinkDifferenceTests {
  let scratch = Scratch()
  static let kinds: [MountedDisk.Kind] = [.xfs, .btrfs]

  private func image(_ disk: MountedDisk, byteCount: Int) throws -> String {
    let path = disk.file("image")
    try Data(count: 0).write(to: URL(fileURLWithPath: path))
    try write(path, [UInt8](repeating: 7, count: byteCount), at: 0)
    return path
  }

  private func write(_ path: String, _ bytes: [UInt8], at offset: Int) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.seek(toOffset: UInt64(offset))
    try file.write(contentsOf: bytes)
    try file.close()
  }

  private func taken(
    _ source: ReflinkDifference, _ shape: ImageShape
  ) throws -> (ranges: [Int], loss: DirtyLoss?) {
    var dirty = DirtySet(shape: shape)
    let loss = try source.take(into: &dirty)
    let groups = (0..<shape.segmentCount).flatMap { segment in
      (0..<Geometry.groupsPerSegment).filter { dirty[segment][$0] }
        .map { segment * Geometry.groupsPerSegment + $0 }
    }
    return (groups, loss)
  }

  @Test(arguments: kinds)
  func exactlyWhatWasWrittenIsTold(kind: MountedDisk.Kind) throws {
    let disk = try MountedDisk(kind, byteCount: 320 << 20, in: scratch)
    let path = try image(disk, byteCount: 8 << 20)
    let shape = ImageShape(byteCount: 8 << 20)
    let source = try ReflinkDifference(path, shape: shape)
    try source.begin()
    #expect(try taken(source, shape).ranges == [])
    try write(path, [1], at: 65536 * 3 + 5)
    try write(path, [1, 2], at: 65536 * 9 - 1)
    #expect(try taken(source, shape).ranges == [3, 8, 9])
    #expect(try taken(source, shape).ranges == [])
    let file = open(path, O_RDWR)
    defer { close(file) }
    #expect(linux_fallocate(file, linux_PUNCH_HOLE, 65536 * 20, 65536 * 2) == 0)
    #expect(try taken(source, shape).ranges == [20, 21])
    // Space without content where there was none before: nothing that can be read has changed.
    #expect(linux_fallocate(file, linux_KEEP_SIZE, 65536 * 20, 65536 * 2) == 0)
    #expect(try taken(source, shape).ranges == [])
    // Into space that was there already.
    try write(path, [9], at: 65536 * 21)
    #expect(try taken(source, shape).ranges == [21])
    // The same bytes once more are a write all the same.
    try write(path, [9], at: 65536 * 21)
    #expect(try taken(source, shape).ranges == [21])
    let before = try FileManager.default.contentsOfDirectory(atPath: disk.path)
    #expect(before == ["image"])
    source.end()
    source.end()
  }

  /// btrfs keeps a short file inside of its own records, where no place tells it from another.
  @Test(arguments: kinds)
  func aShortImageIsFollowed(kind: MountedDisk.Kind) throws {
    let disk = try MountedDisk(kind, byteCount: 320 << 20, in: scratch)
    let path = try image(disk, byteCount: 700)
    let shape = ImageShape(byteCount: 700)
    let source = try ReflinkDifference(path, shape: shape)
    try source.begin()
    try write(path, [1], at: 5)
    #expect(try taken(source, shape).ranges == [0])
  }

  @Test func compressedExtentsAreAlwaysDirty() throws {
    let disk = try MountedDisk(.btrfs, byteCount: 320 << 20, in: scratch)
    let path = disk.file("image")
    try Data().write(to: URL(fileURLWithPath: path))
    try Command.run("chattr", "+c", path)
    try write(path, [UInt8](repeating: 7, count: 1 << 20), at: 0)
    let shape = ImageShape(byteCount: 1 << 20)
    let source = try ReflinkDifference(path, shape: shape)
    try source.begin()
    #expect(try taken(source, shape).ranges == Array(0..<16))
  }

  /// As images of machines often are on btrfs: even so, what is shared is not written in its place.
  @Test func filesWithoutCopiesAreFollowed() throws {
    let disk = try MountedDisk(.btrfs, byteCount: 320 << 20, in: scratch)
    let path = disk.file("image")
    try Data().write(to: URL(fileURLWithPath: path))
    try Command.run("chattr", "+C", path)
    try write(path, [UInt8](repeating: 7, count: 1 << 20), at: 0)
    let shape = ImageShape(byteCount: 1 << 20)
    let source = try ReflinkDifference(path, shape: shape)
    try source.begin()
    for _ in 0..<3 {
      try write(path, [1], at: 65536 * 5)
      #expect(try taken(source, shape).ranges == [5])
    }
    #expect(try taken(source, shape).ranges == [])
  }

  /// A clone that cannot be made: everything is dirty, and the next one is compared with the last
  /// that there is.
  @Test func whatCannotBeClonedIsALoss() throws {
    let disk = try MountedDisk(.xfs, byteCount: 320 << 20, in: scratch)
    let path = try image(disk, byteCount: 1 << 20)
    // By a link from elsewhere; the clones are made where the image is.
    let (place, aside) = (disk.file("place"), disk.file("aside"))
    #expect(mkdir(place, 0o700) == 0)
    #expect(rename(path, place + "/image") == 0)
    symlink(place + "/image", scratch.file("link"))
    let shape = ImageShape(byteCount: 1 << 20)
    let source = try ReflinkDifference(scratch.file("link"), shape: shape)
    try source.begin()
    try write(place + "/image", [1], at: 65536 * 3)
    #expect(rename(place, aside) == 0)
    let (ranges, loss) = try taken(source, shape)
    #expect(ranges == Array(0..<16))
    #expect(loss?.reason == "readlink: No such file or directory")
    #expect(rename(aside, place) == 0)
    #expect(try taken(source, shape).ranges == [3])
  }

  @Test func otherFileSystemsAreRefused() throws {
    let disk = try MountedDisk(.ext4, byteCount: 32 << 20, in: scratch)
    let path = try image(disk, byteCount: 65536)
    let source = try ReflinkDifference(path, shape: ImageShape(byteCount: 65536))
    let error = #expect(throws: TransferError.self) { try source.begin() }
    #expect(error?.sentence.hasSuffix("cloning it: Operation not supported") == true)
    #expect(throws: TransferError.self) {
      try ReflinkDifference(disk.file("none"), shape: ImageShape(byteCount: 1))
    }
  }

  /// The clones have no names, so that a dead run leaves nothing.
  @Test(arguments: kinds)
  func theSpaceComesBack(kind: MountedDisk.Kind) throws {
    let disk = try MountedDisk(kind, byteCount: 320 << 20, in: scratch)
    let path = try image(disk, byteCount: 16 << 20)
    let shape = ImageShape(byteCount: 16 << 20)
    func freeBytes() throws -> UInt64 {
      try Command.run("sync", "-f", disk.path)
      var status = statvfs()
      statvfs(disk.path, &status)
      return UInt64(status.f_bfree) * UInt64(status.f_frsize)
    }
    let before = try freeBytes()
    let source = try ReflinkDifference(path, shape: shape)
    try source.begin()
    try write(path, [UInt8](repeating: 8, count: 16 << 20), at: 0)
    #expect(try freeBytes() < before - (12 << 20))
    #expect(try taken(source, shape).ranges.count == 256)
    source.end()
    #expect(
      Processes.eventually(withinSeconds: 40) {
        (try? freeBytes()).map { $0 + (2 << 20) > before } ?? false
      })
  }
}
