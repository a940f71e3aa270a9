// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `blkmove serve --restrict`, run by authorized_keys: what is allowed works as without it, and
/// everything else is refused.
@Suite(.endsInTime) struct ForcedCommand {
  private let scratch = Scratch()
  private var allowed: String { scratch.path("allowed", isDirectory: true) }

  private func shell(_ words: String...) throws -> SecureShell {
    let command = ([Blkmove.binary, "serve"] + words).map(Blkmove.quoted).joined(separator: " ")
    return try SecureShell(forcedCommand: command)
  }

  private func image(_ name: String, seed: UInt64) throws -> ImageFile {
    _ = allowed
    return try ImageFile.full(in: scratch, named: name, byteCount: (2 << 20) + 5, seed: seed)
  }

  @Test(arguments: Direction.remote)
  func belowTheDirectoryAllWorks(direction: Direction) throws {
    let isPush = direction == .push
    var mover = Blkmove(direction)
    mover.shell = try shell("--restrict", allowed)
    _ = scratch.path("allowed/deep/er", isDirectory: true)
    for (number, directory) in ["allowed", "allowed/deep/er"].enumerated() {
      let near = scratch.path("near-\(number).img")
      let far = scratch.path("\(directory)/disk 'n' \(number).img")
      let source = try image(
        isPush ? "near-\(number).img" : "\(directory)/disk 'n' \(number).img",
        seed: UInt64(number))
      expectDone(try mover.copy(isPush ? near : far, isPush ? far : near))
      try expectEqual(ImageFile(isPush ? far : near), source)
      expectDone(try mover.verify(isPush ? near : far, isPush ? far : near))
    }
    try source(mover, digestOf: scratch.path("allowed/disk 'n' 0.img"))
  }

  private func source(_ mover: Blkmove, digestOf path: String) throws {
    let run = try mover.run(["digest"], ["backup:\(path)"])
    expectDone(run)
    let name = run.outcome.output.prefix { $0.isHexDigit }
    #expect(name.count == 64, "\(run)")
  }

  /// Ways out of the directory.
  static let escapes = [
    "outside.img", "allowed/../outside.img", "allowed/link-out.img", "allowed/absolute-link.img",
    "allowed/directory-link/outside.img", "allowedness/disk.img", "allowed-link/../outside.img",
    "allowed/deep/../../outside.img",
  ]

  private func prepareEscapes() throws {
    _ = scratch.path("allowed/deep", isDirectory: true)
    _ = scratch.path("allowedness", isDirectory: true)
    _ = try image("outside.img", seed: 7)
    _ = try image("allowedness/disk.img", seed: 8)
    let manager = FileManager.default
    try manager.createSymbolicLink(
      atPath: scratch.path("allowed/link-out.img"), withDestinationPath: "../outside.img")
    try manager.createSymbolicLink(
      atPath: scratch.path("allowed/absolute-link.img"),
      withDestinationPath: scratch.path("outside.img"))
    try manager.createSymbolicLink(
      atPath: scratch.path("allowed/directory-link"), withDestinationPath: "..")
    try manager.createSymbolicLink(
      atPath: scratch.path("allowed-link"), withDestinationPath: "allowed")
  }

  @Test func thereIsNoWayOut() throws {
    try prepareEscapes()
    let before = try ImageFile(scratch.path("outside.img")).copied(to: scratch)
    let near = try image("near.img", seed: 9)
    let shell = try shell("--restrict", allowed)
    for path in Self.escapes {
      var mover = Blkmove(.push)
      mover.shell = shell
      let far = "\(scratch.path)/\(path)"
      expectComplaint(try mover.copy(near.path, far).outcome, status: 6, path)
      expectComplaint(try mover.verify(near.path, far).outcome, status: 6, path)
      mover.options = ["--force"]
      expectComplaint(try mover.copy(near.path, far).outcome, status: 6, path)
      mover.options = []
      mover.direction = .pull
      expectComplaint(try mover.copy(far, scratch.path("got.img")).outcome, status: 6, path)
      #expect(!FileManager.default.fileExists(atPath: scratch.path("got.img")))
      try expectEqual(ImageFile(scratch.path("outside.img")), before)
    }
  }

  @Test func aNewFileOutsideIsNotMade() throws {
    _ = allowed
    var mover = Blkmove(.push)
    mover.shell = try shell("--restrict", allowed)
    let near = try image("near.img", seed: 10)
    let run = try mover.copy(near.path, scratch.path("new.img"))
    expectComplaint(run.outcome, status: 6, "new.img")
    #expect(scratch.names == ["allowed", "near.img"])
  }

  @Test func aSeedOutsideIsRefused() throws {
    let outside = try image("outside.img", seed: 11)
    let inside = try image("allowed/inside.img", seed: 11)
    var mover = Blkmove(.push)
    mover.shell = try shell("--restrict", allowed)
    mover.options = ["--seed", outside.path]
    let run = try mover.copy(outside.path, scratch.path("allowed/copy.img"))
    #expect(run.status == 6, "\(run)")
    mover.options = ["--seed", inside.path, "--compress=none"]
    let allowedRun = try mover.copy(outside.path, scratch.path("allowed/copy.img"))
    expectDone(allowedRun)
    #expect(allowedRun.wire.wire < 50_000, "\(allowedRun)")
  }

  @Test(arguments: ["--read-only", "--write-only"])
  func oneWayOnly(way: String) throws {
    let far = try image("allowed/far.img", seed: 12)
    let near = try image("near.img", seed: 13)
    let before = try far.copied(to: scratch)
    var mover = Blkmove(.pull)
    mover.shell = try shell("--restrict", allowed, way)
    let pulled = try mover.copy(far.path, scratch.path("got.img"))
    mover.direction = .push
    let pushed = try mover.copy(near.path, far.path)
    if way == "--read-only" {
      expectDone(pulled)
      expectComplaint(pushed.outcome, status: 6, "read-only")
      try expectEqual(far, before)
      mover.direction = .pull
      #expect(try mover.verify(far.path, near.path).status == 3)
      mover.direction = .push
      #expect(try mover.verify(near.path, far.path).status == 3)
    } else {
      expectComplaint(pulled.outcome, status: 6, "write-only")
      expectDone(pushed)
      try expectEqual(far, near)
    }
  }

  static let otherCommands = [
    "ls", "", "cat /etc/passwd", "blkmove digest /etc/passwd", "sh -c 'touch owned'",
    "blkmove --server target -- /tmp/x; touch owned", "blkmove --server target -- $(touch owned)",
    "blkmove --server target -- x | touch owned", "blkmove --server=source --log-file owned -- x",
    "/usr/lib/openssh/sftp-server", "scp -t /tmp", "rsync --server . /tmp", "blkmove",
    "blkmove --server", "blkmove --server nobody -- x", "blkmove serve --restrict /",
    "blkmove --generate man", "blkmove --server target --", "blkmove a b", "'unbalanced",
    "blkmove --server source --seed /etc/passwd -- ALLOWED/far.img extra",
  ]

  @Test func everyOtherCommandIsRefused() throws {
    _ = try image("allowed/far.img", seed: 14)
    let shell = try shell("--restrict", allowed)
    for command in Self.otherCommands {
      let text = command.replacingOccurrences(of: "ALLOWED", with: allowed)
        .replacingOccurrences(of: "owned", with: scratch.path("owned"))
      var ssh = Command(shell.client + ["backup"] + (text.isEmpty ? [] : [text]))
      ssh.timeoutSeconds = 20
      let outcome = try ssh.run()
      #expect(!outcome.isTimedOut && outcome.status != 0, "\(outcome)")
      #expect(!outcome.output.contains("root:"), "\(outcome)")
      expectNoTrap(outcome)
      #expect(!FileManager.default.fileExists(atPath: scratch.path("owned")), "\(outcome)")
    }
  }

  @Test(.needs(.loopDevices))
  func oneDeviceAndNoOther() throws {
    let near = try image("near.img", seed: 15)
    let devices = try (0..<2).map { _ in try LoopDevice(byteCount: 4 << 20, in: scratch) }
    var mover = Blkmove(.push)
    // Several places may be allowed, of either kind.
    mover.shell = try shell("--restrict", devices[0].path, allowed)
    expectDone(try mover.copy(near.path, allowed))
    try expectEqual(ImageFile(scratch.path("allowed/near.img")), near)
    expectDone(try mover.copy(near.path, devices[0].path))
    try expectEqual(ImageFile(devices[0].path), near, byteCount: near.byteCount)
    let run = try mover.copy(near.path, devices[1].path)
    expectComplaint(run.outcome, status: 6, devices[1].path)
    #expect(try ImageFile(devices[1].path).read(4096, at: 0) == Data(count: 4096))
    // A device is not in the directory that its node is in.
    mover.shell = try shell("--restrict", allowed)
    #expect(try mover.copy(near.path, devices[0].path).status == 6)
  }

  @Test func withoutARestrictionItDoesNotServe() throws {
    expectComplaint(try Blkmove.plain("serve"), status: 2, "--restrict")
    var command = Command(Blkmove.binary, "serve", "--restrict", allowed)
    command.environment["SSH_ORIGINAL_COMMAND"] = nil
    let outcome = try command.run()
    #expect(outcome.status != 0 && !outcome.isTimedOut, "\(outcome)")
    expectNoTrap(outcome)
  }
}
