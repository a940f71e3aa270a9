// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// `--atomic`: the old version of a target file stays whole, and readable by those who have it
/// open, until the new one has its name.
@Suite(.endsInTime, .needs(.clones)) struct ReplacedAsAWhole {
  typealias Kind = MountedFileSystem.Kind

  private let scratch = Scratch()
  private static let byteCount: UInt64 = 24 << 20

  /// A disk with an old image on it that differs all over, and what it is to become.
  private struct Stage {
    let disk: MountedFileSystem
    let image: ImageFile
    let old: ImageFile
    let target: ImageFile

    var names: [String] { disk.names(in: "there") }

    init(_ kind: Kind, _ scratch: Scratch, share: UInt64 = 1) throws {
      let byteCount = ReplacedAsAWhole.byteCount
      disk = try MountedFileSystem(clonable: kind, in: scratch)
      image = try ImageFile.full(in: scratch, named: "new.img", byteCount: byteCount, seed: 1)
      old = try image.copied(to: scratch, named: "old.img")
      try old.fill(0..<byteCount / share, with: Pattern(seed: 2))
      try Command.succeed("mkdir", disk.path("there"))
      target = ImageFile(disk.path("there/disk.img"))
      try Command.succeed("cp", old.path, target.path)
    }
  }

  private static func status(_ path: String) -> stat {
    var status = stat()
    stat(path, &status)
    return status
  }

  private static func attribute(_ name: String, of path: String) throws -> String {
    try Command.succeed(
      "python3", "-c", "import os, sys; print(os.getxattr(sys.argv[1], sys.argv[2]).decode())",
      path, name)
  }

  @Test(arguments: Kind.clonable, Direction.allCases)
  func whoHasTheOldVersionOpenKeepsIt(kind: Kind, direction: Direction) throws {
    let stage = try Stage(kind, scratch)
    let path = stage.target.path
    try Command.succeed("chown", "1234:2345", path)
    try Command.succeed("chmod", "0640", path)
    try Command.succeed(
      "python3", "-c", "import os, sys; os.setxattr(sys.argv[1], 'user.origin', b'here')", path)
    let before = Self.status(path)
    let reader = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(reader) }

    expectDone(try Blkmove(direction, "--atomic", "--verify").copy(stage.image.path, path))
    try expectEqual(stage.target, stage.image)
    try expectEqual(ImageFile("/proc/self/fd/\(reader)"), stage.old)
    let after = Self.status(path)
    #expect(after.st_ino != before.st_ino)
    #expect(after.st_uid == 1234 && after.st_gid == 2345 && after.st_mode & 0o7777 == 0o640)
    #expect(try Self.attribute("user.origin", of: path) == "here")
    #expect(stage.names == ["disk.img"])
    #expect(try Blkmove.plain("digest", path).status == 0, "not marked as unfinished")
  }

  @Test(
    arguments: Kind.clonable,
    [(.push, 8), (.push, 20), (.pull, 8), (.pull, 20)] as [(Direction, UInt64)])
  func killedItIsWhatItWas(kind: Kind, moment: (Direction, UInt64)) throws {
    let (direction, mebibytes) = moment
    let stage = try Stage(kind, scratch)
    let farEnd = try FarEnd(in: scratch)
    var mover = Blkmove(direction, "--atomic", "--compress=none")
    mover.remotePath = farEnd.command
    let event: Meter.Event =
      direction == .pull ? .killParent : .kill(pidFile: farEnd.pidFile)
    mover.event = (mebibytes << 20, event)
    let killed = try mover.copy(stage.image.path, stage.target.path)
    #expect(killed.status != 0 && farEnd.isGone(), "\(killed)")
    try expectEqual(stage.target, stage.old)
    #expect(try Blkmove.plain("digest", stage.target.path).status == 0, "not marked")
    #expect(stage.names == [".disk.img.blkmove-part", "disk.img"])

    mover.event = nil
    let again = try mover.copy(stage.image.path, stage.target.path)
    expectDone(again)
    try expectEqual(stage.target, stage.image)
    #expect(stage.names == ["disk.img"])
    // What may be on its way when an end dies.
    let inFlight: UInt64 = 10 << 20
    let kept = (mebibytes << 20) - min(inFlight, mebibytes << 20)
    #expect(again.wire.wire <= Self.byteCount + 200_000 - kept, "sent again: \(killed) \(again)")
  }

  /// The machine stops in the middle: what is on the disk is the old version.
  @Test func thePowerIsCut() throws {
    let stage = try Stage(.xfs, scratch)
    let farEnd = try FarEnd(in: scratch)
    var mover = Blkmove(.push, "--atomic", "--compress=none", "--bwlimit=16M")
    mover.remotePath = farEnd.command
    let (running, wire) = try mover.start(stage.image.path, stage.target.path)
    while wire.wire < 10 << 20, !running.isOver { usleep(10_000) }
    try Command.succeed("xfs_io", "-x", "-c", "shutdown", stage.disk.path)
    #expect(running.wait().status != 0 && farEnd.isGone())
    try Command.succeed("umount", stage.disk.path)
    try Command.succeed("mount", stage.disk.device.path, stage.disk.path)
    try expectEqual(stage.target, stage.old)
    expectDone(try Blkmove(.push, "--atomic").copy(stage.image.path, stage.target.path))
    try expectEqual(stage.target, stage.image)
    #expect(stage.names == ["disk.img"])
  }

  @Test(arguments: Kind.clonable, Direction.allCases)
  func aDryRunMakesNothing(kind: Kind, direction: Direction) throws {
    let stage = try Stage(kind, scratch, share: 4)
    let before = Self.status(stage.disk.path("there"))
    for option in ["-n", "--estimate"] {
      let run = try Blkmove(direction, "--atomic", option, "--json")
        .copy(stage.image.path, stage.target.path)
      expectDone(run)
      let wanted = try JSONLines(run.outcome.output).figure("wanted_bytes")
      #expect(wanted == Self.byteCount / 4, "\(run)")
    }
    let after = Self.status(stage.disk.path("there"))
    #expect(before.st_mtim.tv_sec == after.st_mtim.tv_sec)
    #expect(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec)
    try expectEqual(stage.target, stage.old)
    #expect(stage.names == ["disk.img"])
  }

  /// The next night knows what the last one left, although it is another file.
  @Test(arguments: Kind.clonable, Direction.remote)
  func theSecondNightIsCheap(kind: Kind, direction: Direction) throws {
    let stage = try Stage(kind, scratch)
    usleep(50_000)
    expectDone(try Blkmove(direction).copy(stage.image.path, stage.target.path))
    for night in 0..<3 {
      let same = try Blkmove(direction, "--atomic").copy(stage.image.path, stage.target.path)
      expectDone(same)
      #expect(same.wire.wire <= 4096, "night \(night): \(same)")
      let start = UInt64(night) * 5 << 20
      try stage.image.fill(start..<start + 4096, with: Pattern(seed: UInt64(10 + night)))
      let run = try Blkmove(direction, "--atomic", "--compress=none")
        .copy(stage.image.path, stage.target.path)
      expectDone(run)
      #expect(run.wire.wire < 8192 + 24 * 16 + 2048, "night \(night): \(run)")
      try expectEqual(stage.target, stage.image)
    }
    let inPlace = try Blkmove(direction).copy(stage.image.path, stage.target.path)
    expectDone(inPlace)
    #expect(inPlace.wire.wire <= 4096, "\(inPlace)")
  }

  /// What does not change is shared with the old version.
  @Test(arguments: Kind.clonable)
  func itTakesTheSpaceOfWhatChanges(kind: Kind) throws {
    let stage = try Stage(kind, scratch, share: 12)
    let reader = open(stage.target.path, O_RDONLY | O_CLOEXEC)
    defer { close(reader) }
    let before = try stage.disk.usedByteCount
    expectDone(try Blkmove(.push, "--atomic").copy(stage.image.path, stage.target.path))
    let after = try stage.disk.usedByteCount
    #expect(after < before + Self.byteCount / 3, "\(before) \(after)")
    try expectEqual(ImageFile("/proc/self/fd/\(reader)"), stage.old)
  }

  @Test(arguments: Direction.allCases)
  func otherNamesAndLinks(direction: Direction) throws {
    let stage = try Stage(.xfs, scratch)
    let (other, link) = (stage.disk.path("other.img"), stage.disk.path("link.img"))
    try Command.succeed("ln", stage.target.path, other)
    try Command.succeed("ln", "-s", "there/disk.img", link)
    let run = try Blkmove(direction, "--atomic").copy(stage.image.path, link)
    expectDone(run)
    #expect(run.outcome.error.contains("has 2 names"), "\(run)")
    try expectEqual(stage.target, stage.image)
    try expectEqual(ImageFile(other), stage.old)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "there/disk.img")
    #expect(stage.names == ["disk.img"])
  }

  @Test func behindARestrictedKey() throws {
    let stage = try Stage(.btrfs, scratch)
    let words = [Blkmove.binary, "serve", "--restrict", stage.disk.path("there")]
    var mover = Blkmove(.push, "--atomic")
    mover.shell = try SecureShell(
      forcedCommand: words.map(Blkmove.quoted).joined(separator: " "))
    expectDone(try mover.copy(stage.image.path, stage.target.path))
    try expectEqual(stage.target, stage.image)
    let link = stage.disk.path("there/link.img")
    try Command.succeed("cp", stage.old.path, stage.disk.path("outside.img"))
    try Command.succeed("ln", "-s", "../outside.img", link)
    expectComplaint(try mover.copy(stage.image.path, link).outcome, status: 6, "link.img")
    try expectEqual(ImageFile(stage.disk.path("outside.img")), stage.old)
  }

  @Test(arguments: [Direction.push, .local])
  func aStreamReplacesAsWell(direction: Direction) throws {
    let stage = try Stage(.btrfs, scratch)
    let client = try SecureShell.shared.get().client.map(Blkmove.quoted).joined(separator: " ")
    let remote = "-e \(Blkmove.quoted(client)) --remote-path $blkmove"
    let place = direction == .push ? "backup:\(stage.target.path)" : stage.target.path
    let reader = open(stage.target.path, O_RDONLY | O_CLOEXEC)
    defer { close(reader) }
    let run = try Streams(scratch: scratch).shell(
      "cat new.img | $blkmove \(direction == .push ? remote : "") --atomic - \(place)")
    #expect(run.status == 0, "\(run)")
    try expectEqual(stage.target, stage.image)
    try expectEqual(ImageFile("/proc/self/fd/\(reader)"), stage.old)
    #expect(stage.names == ["disk.img"])
  }

  /// A delta whose pipe breaks leaves the old version, and another one may follow it.
  @Test func aDeltaReplacesAsWell() throws {
    let stage = try Stage(.xfs, scratch, share: 2)
    let streams = Streams(scratch: scratch)
    try streams.succeed(
      """
      $blkmove manifest old.img >man; $blkmove delta -z=none man new.img >delta
      cp old.img third.img; truncate -s 20M third.img; $blkmove delta man third.img >other
      """)
    let target = stage.target.path
    let half = try streams.shell("head -c 9000000 delta | $blkmove apply --atomic \(target)")
    #expect(half.status != 0, "\(half)")
    try expectEqual(stage.target, stage.old)
    try streams.succeed("$blkmove apply --atomic \(target) <other")
    try expectEqual(stage.target, ImageFile(scratch.path("third.img")))
    let late = try streams.shell("$blkmove apply --atomic \(target) <delta")
    expectComplaint(late, status: 6, target)
    #expect(stage.names == ["disk.img"])
  }

  @Test(arguments: Direction.allCases, ["", "-n"])
  func whereItCannotBeItIsSaid(direction: Direction, option: String) throws {
    let disk = try MountedFileSystem(on: LoopDevice(byteCount: 64 << 20, in: scratch))
    let image = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 1)
    let old = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 2)
    let target = ImageFile(disk.path("disk.img"))
    try Command.succeed("cp", old.path, target.path)
    let names = disk.names(in: "")
    var mover = Blkmove(direction, "--atomic")
    if !option.isEmpty { mover.options.append(option) }
    let refused = try mover.copy(image.path, target.path)
    expectComplaint(refused.outcome, status: 6, "disk.img", "cannot be cloned", "without --atomic")
    try expectEqual(target, old)
    #expect(disk.names(in: "") == names)

    let device = try LoopDevice(byteCount: 4 << 20, in: scratch)
    expectComplaint(
      try mover.copy(image.path, device.path).outcome, status: 6, device.path, "is a device")
    #expect(try ImageFile(device.path).read(4096, at: 0) == Data(count: 4096))

    // What does not exist needs no clone.
    expectDone(try mover.copy(image.path, disk.path("new.img")))
    if option.isEmpty { try expectEqual(ImageFile(disk.path("new.img")), image) }
  }
}
