// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// `--connections`: one copy over several real connections of ssh, some of which are refused, or
/// die on the way.
@Suite(.endsInTime) struct SeveralConnections {
  private let scratch = Scratch()

  private var calls: RemoteCalls { RemoteCalls(in: scratch) }

  private func command(
    _ direction: Direction, _ options: [String], shell: String, remotePath: String = Blkmove.binary,
    to target: String? = nil, from source: ImageFile
  ) -> Command {
    let copy = target ?? scratch.path("copy.img")
    let mover = Blkmove(direction)
    return Command(
      [Blkmove.binary] + options + ["-e", "'\(shell)'", "--remote-path", remotePath]
        + [mover.place(source.path, isSource: true), mover.place(copy, isSource: false)])
  }

  @Test(arguments: Direction.remote, [[], ["-W"]] as [[String]])
  func allOfThemCarryTheCopy(direction: Direction, options: [String]) throws {
    let image = try ImageFile.full(in: scratch, byteCount: (48 << 20) + 5, seed: 1)
    let outcome = try command(
      direction, ["--connections=4", "--compress=none", "--bwlimit=24M", "--json"] + options,
      shell: calls.shell(), from: image
    ).run()
    #expect(outcome.status == 0, "\(outcome)")
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
    let lines = try JSONLines(outcome.output)
    #expect(try lines.figure("connections") == 4 && calls.count == 4, "\(outcome)")
    // The account is that of all. On a busy machine one may come when all is said and done.
    let meters = (1...4).map(calls.metered)
    let carrying = meters.filter { $0.wire > 1 << 20 }
    #expect(carrying.count >= 2, "\(meters)")
    let sent = meters.reduce(0) { $0 + $1.sent }
    let received = meters.reduce(0) { $0 + $1.received }
    #expect(try lines.figure("wire_sent_bytes") == sent, "\(meters)")
    #expect(try lines.figure("wire_received_bytes") == received, "\(meters)")
  }

  @Test func theMostAreSixteen() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 16 << 20, seed: 2)
    let outcome = try command(
      .push, ["--connections=16", "-v", "--compress=none", "--bwlimit=8M"],
      shell: calls.shell(), from: image
    ).run()
    #expect(outcome.status == 0, "\(outcome)")
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
    #expect((2...16).contains(calls.count))
  }

  @Test(arguments: [["--connections=1"], ["--connections=4", "-n"], ["--connections=auto"]])
  func whereTheyAreOfNoUseThereAreNone(options: [String]) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 3 << 20, seed: 3)
    let outcome = try command(
      .push, options + ["--stats"], shell: calls.shell(), from: image
    ).run()
    #expect(outcome.status == 0, "\(outcome)")
    #expect(calls.count == 1)
    #expect(outcome.output.contains("Connections:"), "\(outcome)")
  }

  /// Ways in which further connections fail: in the near shell, in the far one, by silence.
  static let refusals = [
    "[ $n = 1 ] || { echo 'no more of you' >&2; exit 255; }",
    "[ $n = 1 ] || { echo 'Welcome!'; sleep 0.2; exit 0; }",
    "[ $n = 1 ] || exec false", "[ $n = 1 ] || kill -9 $$",
    "[ $n = 1 ] || { head -c 100000 /dev/zero; cat >/dev/null; exit 0; }",
    "[ $n -le 2 ] || exit 1",
  ]

  @Test(arguments: Direction.remote, refusals)
  func whatIsRefusedIsMissedQuietly(direction: Direction, refusal: String) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 3 << 20, seed: 4)
    let shell = try calls.shell(refusal)
    let outcome = try command(direction, ["--connections=3"], shell: shell, from: image).run()
    #expect(outcome.status == 0, "\(outcome)")
    #expect(outcome.error == "", "\(outcome)")
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
    #expect(calls.count <= 3)
  }

  @Test func whoAsksIsTold() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 8 << 20, seed: 5)
    let outcome = try command(
      .push, ["--connections=2", "-v", "--bwlimit=4M", "--compress=none"],
      shell: calls.shell(Self.refusals[0]), from: image
    ).run()
    #expect(outcome.status == 0, "\(outcome)")
    #expect(outcome.error.contains("no further connection: no more of you"), "\(outcome)")
    #expect(outcome.output.contains("over one connection"), "\(outcome)")
  }

  @Test(arguments: Direction.remote)
  func aFarEndThatLetsNobodyElseInIsEnough(direction: Direction) throws {
    let far = try SecureShell(
      forcedCommand: "case \"$SSH_ORIGINAL_COMMAND\" in *' join '*) exit 1;; esac; "
        + "eval \"$SSH_ORIGINAL_COMMAND\"")
    let image = try ImageFile.full(in: scratch, byteCount: 3 << 20, seed: 6)
    let outcome = try command(
      direction, ["--connections=4"], shell: calls.shell(server: far), from: image
    ).run()
    #expect(outcome.status == 0 && outcome.error == "", "\(outcome)")
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
  }

  @Test(arguments: Direction.remote, [[], ["-W"]] as [[String]])
  func oneThatDiesOnTheWayIsMadeUpFor(direction: Direction, options: [String]) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 24 << 20, seed: 7)
    let running = try command(
      direction, ["--connections=4", "--compress=none", "--bwlimit=8M", "-v"] + options,
      shell: calls.shell(), from: image
    ).start()
    // Calls 2 and 3 are killed when they have carried something.
    for number in 2...3 {
      while !running.isOver, calls.metered(number).wire < 1 << 20 {
        usleep(10_000)
      }
      if let process = calls.process(number), !running.isOver { kill(process, SIGKILL) }
    }
    let outcome = running.wait()
    #expect(outcome.status == 0 && outcome.sentences == [], "\(outcome)")
    #expect(outcome.error.contains("note: backup: a further connection was lost"), "\(outcome)")
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
  }

  @Test(arguments: Direction.remote)
  func theFirstOneIsTheRun(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 24 << 20, seed: 11)
    let running = try command(
      direction, ["--connections=4", "--compress=none", "--bwlimit=6M"], shell: calls.shell(),
      from: image
    ).start()
    while !running.isOver, calls.metered(4).wire < 1 << 20 { usleep(10_000) }
    if let process = calls.process(1) { kill(process, SIGKILL) }
    let outcome = running.wait()
    expectComplaint(outcome, status: 4, "backup", "run again")
    for number in 2...4 {
      guard let process = calls.process(number) else { continue }
      for _ in 0..<500 where kill(process, 0) == 0 { usleep(20_000) }
      #expect(kill(process, 0) != 0, "call \(number) is still there")
    }
  }

  @Test(arguments: Direction.remote)
  func oneWhoseFarEndDiesIsMadeUpFor(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 16 << 20, seed: 8)
    // The last one that starts there is a further connection.
    let farEnd = try FarEnd(in: scratch)
    let running = try command(
      direction, ["--connections=3", "--compress=none", "--bwlimit=6M"], shell: calls.shell(),
      remotePath: farEnd.command, from: image
    ).start()
    while !running.isOver, calls.metered(3).wire < 1 << 20 { usleep(10_000) }
    if let process = farEnd.identifier, !running.isOver { kill(process, SIGKILL) }
    let outcome = running.wait()
    #expect(outcome.status == 0 && outcome.sentences == [], "\(outcome)")
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
  }

  @Test(arguments: Direction.remote)
  func whatWasInterruptedGoesOn(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 16 << 20, seed: 9)
    let farEnd = try FarEnd(in: scratch)
    let shell = try calls.shell()
    let running = try command(
      direction, ["--connections=3", "--compress=none", "--bwlimit=6M"], shell: shell,
      remotePath: farEnd.command, from: image
    ).start()
    while !running.isOver, calls.metered(3).wire < 1 << 20 { usleep(10_000) }
    running.send(SIGKILL)
    _ = running.wait()
    #expect(farEnd.isGone())
    #expect(!FileManager.default.fileExists(atPath: scratch.path("copy.img")))
    // The far end's first process may still hold the target for a moment.
    var outcome = running.wait()
    for _ in 0..<50 where outcome.status != 0 {
      outcome = try command(direction, ["--connections=3"], shell: shell, from: image).run()
      if outcome.status == 6 { usleep(100_000) } else { break }
    }
    #expect(outcome.status == 0, "\(outcome)")
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
  }

  @Test(arguments: Direction.remote)
  func aForcedCommandLetsThemJoin(direction: Direction) throws {
    let allowed = scratch.path("allowed", isDirectory: true)
    let words = [Blkmove.binary, "serve", "--restrict", allowed]
    let far = try SecureShell(
      forcedCommand: words.map(Blkmove.quoted).joined(separator: " "))
    let name = direction == .pull ? "allowed/disk.img" : "disk.img"
    let image = try ImageFile.full(in: scratch, named: name, byteCount: 12 << 20, seed: 10)
    let copy = scratch.path(direction == .pull ? "copy.img" : "allowed/copy.img")
    let outcome = try command(
      direction, ["--connections=3", "--compress=none", "--bwlimit=6M", "-v"],
      shell: calls.shell(server: far), to: copy, from: image
    ).run()
    #expect(outcome.status == 0, "\(outcome)")
    #expect(outcome.output.contains("over 3 connections"), "\(outcome)")
    try expectEqual(ImageFile(copy), image)
  }

  @Test(arguments: ["00", "no-name", "/etc/passwd", String(repeating: "a", count: 32)])
  func whoeverJoinsNothingIsTurnedAway(name: String) throws {
    let outcome = try Blkmove.plain("--server", "join", "--", name)
    #expect(outcome.status != 0 && outcome.output == "", "\(outcome)")
    expectNoTrap(outcome)
  }
}
