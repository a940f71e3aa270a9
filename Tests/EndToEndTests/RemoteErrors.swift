// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What can be wrong at the other end or on the way there: status 4, the host's name, and what
/// to do about it.
@Suite(.endsInTime) struct RemoteErrors {
  private let scratch = Scratch()

  private func image() throws -> ImageFile {
    try ImageFile.full(in: scratch, named: "disk.img", byteCount: 1 << 20, seed: 1)
  }

  private func fails(
    _ mover: Blkmove, status: Int32 = 4, _ mentions: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var mover = mover
    mover.timeoutSeconds = 20
    let run = try mover.copy(image().path, scratch.path("copy.img"))
    expectComplaint(run.outcome, status: status, sourceLocation: sourceLocation)
    for mention in mentions {
      #expect(
        run.outcome.error.lowercased().contains(mention.lowercased()),
        "should say '\(mention)': \(run)", sourceLocation: sourceLocation)
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.path("copy.img")))
    #expect(run.outcome.elapsedSeconds < 15, "\(run)", sourceLocation: sourceLocation)
  }

  @Test(arguments: Direction.remote)
  func noBlkmoveAtTheOtherEnd(direction: Direction) throws {
    var mover = Blkmove(direction)
    mover.remotePath = "/no/such/blkmove"
    try fails(mover, "backup", "/no/such/blkmove", "hint: install")
    mover.remotePath = "no-such-blkmove-on-path"
    try fails(mover, "backup", "not found", "--remote-path")
  }

  @Test(arguments: Direction.remote)
  func aRefusedKey(direction: Direction) throws {
    let shell = try SecureShell()
    try shell.scratch.write("", to: "authorized_keys")
    var mover = Blkmove(direction)
    mover.shell = shell
    try fails(mover, "backup", "Permission denied", "hint:")
  }

  @Test(arguments: Direction.remote)
  func anUnknownHostKey(direction: Direction) throws {
    let shell = try SecureShell()
    try shell.scratch.write("", to: "known_hosts")
    var mover = Blkmove(direction)
    mover.shell = shell
    try fails(mover, "backup", "Host key verification failed", "hint:")
  }

  @Test func nobodyListens() throws {
    let shell = try SecureShell()
    var mover = Blkmove(.push)
    mover.shell = shell
    shell.stop()
    try fails(mover, "backup", "Connection refused", "hint:")
  }

  @Test func aHostThatDoesNotExist() throws {
    let outcome = try Command(
      Blkmove.binary, "-e", "ssh -F none -o BatchMode=yes -o ConnectTimeout=3", image().path,
      "no-such-host.invalid:/copy.img"
    ).run()
    #expect(outcome.status == 4, "\(outcome)")
    #expect(outcome.error.contains("remote no-such-host.invalid: "), "\(outcome)")
    #expect(outcome.error.contains("hint:"), "\(outcome)")
  }

  @Test(arguments: Direction.remote)
  func noSsh(direction: Direction) throws {
    let remote = direction == .push
    let outcome = try Command(
      Blkmove.binary, "-e", "/no/such/ssh -v", remote ? image().path : "backup:/disk.img",
      remote ? "backup:/copy.img" : scratch.path("copy.img")
    ).run()
    expectComplaint(outcome, status: 4, "/no/such/ssh", "No such file", "hint:")
  }

  /// A greeting of another version, in the bytes of the protocol document.
  private func greeting(version: UInt16, magic: String = "BLKMOVE\\n") throws -> String {
    var payload: [UInt8] = []
    for number in [version, version] { payload += [UInt8(number & 255), UInt8(number >> 8)] }
    payload += [UInt8](repeating: 0, count: 8) + [5, 0] + Array("later".utf8)
    let frame = [UInt8(payload.count), 0, 0, 0, 1] + payload
    let bytes = frame.map { byte in
      let octal = String(byte, radix: 8)
      return "\\" + String(repeating: "0", count: 3 - octal.count) + octal
    }.joined()
    return "printf '\(magic)\(bytes)'; sleep 2; exit 0"
  }

  @Test(arguments: Direction.remote)
  func aVersionThatDoesNotFit(direction: Direction) throws {
    var mover = Blkmove(direction)
    mover.remotePath = try FarEnd(in: scratch, before: greeting(version: 999)).command
    try fails(mover, "backup", "version", "999", "hint:")
  }

  @Test(arguments: [
    "echo 'Welcome to backup'", "printf '\\n'", "cat /bin/ls",
    "yes 'no protocol' | head -c 20000000",
    "printf 'BLKMOVE\\r\\n'",
  ])
  func aLoginShellThatTalks(noise: String) throws {
    var mover = Blkmove(.push)
    mover.shell = try SecureShell(forcedCommand: "\(noise); eval $SSH_ORIGINAL_COMMAND")
    try fails(mover, "backup", "hint:")
  }

  @Test func whatTheLoginShellSaysIsQuoted() throws {
    var mover = Blkmove(.pull)
    mover.shell = try SecureShell(
      forcedCommand: "echo 'Welcome to backup'; eval $SSH_ORIGINAL_COMMAND")
    try fails(mover, "Welcome to backup", "start-up files")
  }

  struct Impostor: Sendable, CustomTestStringConvertible {
    var command: String
    var testDescription: String { command }
    static let all = [
      "true", "false", "cat", "yes", "kill -9 $$", "exec head -c 100 /dev/zero",
      "exec cat /dev/zero", "exec cat /dev/urandom", "exit 255", "exec sleep 1",
    ].map(Impostor.init)
  }

  @Test(arguments: Impostor.all)
  func somethingElseAtTheOtherEnd(impostor: Impostor) throws {
    let direction = impostor.command.count % 2 == 0 ? Direction.push : .pull
    var mover = Blkmove(direction)
    mover.remotePath = try FarEnd(in: scratch, before: "\(impostor.command); exit $?").command
    try fails(mover, "backup")
  }

  @Test(arguments: Direction.remote)
  func aFarEndThatNeverSpeaks(direction: Direction) throws {
    var mover = Blkmove(direction, "--timeout=1")
    mover.remotePath = try FarEnd(in: scratch, before: "exec sleep 30").command
    try fails(mover, "backup", "1 s")
  }

  @Test(arguments: Direction.remote)
  func whatTheFarEndSaysIsShownWithItsName(direction: Direction) throws {
    var mover = Blkmove(direction)
    mover.remotePath = try FarEnd(in: scratch, before: "echo 'disk is getting old' >&2").command
    let run = try mover.copy(image().path, scratch.path("copy.img"))
    expectDone(run)
    let line = run.outcome.error.split(separator: "\n").first { $0.contains("getting old") }
    #expect(line?.contains("backup") == true, "\(run)")
  }

  @Test func controlCharactersFromThereDoNotReachTheTerminal() throws {
    var mover = Blkmove(.push)
    mover.remotePath =
      try FarEnd(in: scratch, before: "printf 'bad \\033[31m thing\\007\\n' >&2").command
    let run = try mover.copy(image().path, scratch.path("copy.img"))
    expectDone(run)
    #expect(!run.outcome.error.contains("\u{1b}") && !run.outcome.error.contains("\u{7}"), "\(run)")
  }

  @Test(arguments: [
    "-oProxyCommand=touch owned:/x", "ssh://-oProxyCommand=touch%20owned/x", "-J:/x",
    "user@-oProxyCommand=touch owned:/x", "-l@host:/x",
  ])
  func aHostThatIsAnOptionIsRefused(place: String) throws {
    let image = try image()
    for operands in [[image.path, place], [place, "copy.img"]] {
      var command = Command([Blkmove.binary, "--"] + operands)
      command.directory = scratch.path
      let outcome = try command.run()
      expectComplaint(outcome, status: 2)
      #expect(!FileManager.default.fileExists(atPath: scratch.path("owned")))
    }
  }

  @Test(arguments: Direction.remote)
  func anErrorOfTheFarEndComesWithItsStatus(direction: Direction) throws {
    let run = try Blkmove(direction).copy(
      direction == .pull ? scratch.path("missing.img") : image().path,
      direction == .pull ? scratch.path("copy.img") : "/no/such/directory/copy.img")
    expectComplaint(run.outcome, status: 1, "No such file", "backup:")
  }
}
