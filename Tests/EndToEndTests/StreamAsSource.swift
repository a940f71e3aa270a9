// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// `blkmove - TARGET`: a stream becomes an image, here or behind the remote shell.
@Suite(.endsInTime) struct StreamAsSource {
  private let scratch = Scratch()
  private var streams: Streams { Streams(scratch: scratch) }

  /// `blkmove - TARGET` with the target at either end.
  private func words(
    _ direction: Direction, _ path: String, _ options: String = "", remotePath: String? = nil
  ) throws -> String {
    if direction == .local { return "$blkmove \(options) - \(path)" }
    let client = try SecureShell.shared.get().client.map(Blkmove.quoted).joined(separator: " ")
    let remote = remotePath ?? Blkmove.binary
    return "$blkmove -e \(Blkmove.quoted(client)) --remote-path \(remote) \(options) "
      + "- backup:\(path)"
  }

  private func target(_ name: String = "target.img") -> ImageFile {
    ImageFile(scratch.path(name))
  }

  /// Data, written zeros and holes.
  private func image(_ byteCount: UInt64) throws -> ImageFile {
    let image = try ImageFile.make(in: scratch, named: "image", byteCount: byteCount)
    if byteCount > 3 << 20 {
      try image.fill(4096..<1 << 20, with: Pattern(seed: 1))
      try image.write(Data(count: 70_000), at: 100_000)
      try image.fill(2 << 20..<byteCount, with: Pattern(seed: 2))
    } else {
      try image.write(Data([1]), at: byteCount - 1)
    }
    return image
  }

  @Test(
    arguments: [Direction.push, .local],
    [1, 4095, 4096, 4097, 1 << 20, (1 << 20) + 1, (5 << 20) + 4097] as [UInt64])
  func ofAnyLength(direction: Direction, byteCount: UInt64) throws {
    let image = try image(byteCount)
    let new = try streams.shell(
      "cat image | \(words(direction, target().path, "--verify"))")
    #expect(new.status == 0, "\(new)")
    try expectEqual(target(), image)
    #expect(!scratch.names.contains { $0.hasSuffix("part") })
    let again = try streams.shell("cat image | \(words(direction, target().path))")
    #expect(again.status == 0 && again.output.contains("sent 0 B"), "\(again)")
    try expectEqual(target(), image)
  }

  @Test(arguments: [Direction.push, .local], [100, 3 << 20, 7_000_001, 12 << 20] as [UInt64])
  func overWhatIsThere(direction: Direction, byteCount: UInt64) throws {
    let image = try image((5 << 20) + 4097)
    let old = try image.copied(to: scratch, named: "target.img")
    try old.write(Data("other".utf8), at: 3_333_333)
    #expect(truncate(old.path, off_t(byteCount)) == 0)
    if byteCount > 6 << 20 { try old.fill(5 << 20..<6 << 20, with: Pattern(seed: 9)) }
    let run = try streams.shell("cat image | \(words(direction, old.path))")
    #expect(run.status == 0, "\(run)")
    try expectEqual(old, image)
    if byteCount > 6 << 20 { #expect(run.output.contains("sent 8.00 KiB"), "\(run)") }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: streams.state).allSatisfy {
        !$0.hasPrefix("unfinished")
      })
  }

  @Test(.needs(.loopDevices), arguments: [Direction.push, .local])
  func aDeviceKeepsItsRest(direction: Direction) throws {
    let image = try image((3 << 20) + 1111)
    let backing = try ImageFile.full(in: scratch, byteCount: 8 << 20, seed: 5)
    let before = try backing.copied(to: scratch)
    let device = try LoopDevice(over: backing.path)
    let run = try streams.shell("cat image | \(words(direction, device.path, "--verify"))")
    #expect(run.status == 0, "\(run)")
    try expectEqual(ImageFile(device.path), image, byteCount: (3 << 20) + 1111)
    let rest = (3 << 20) + 1111
    #expect(
      try ImageFile(device.path).read((8 << 20) - rest, at: UInt64(rest))
        == before.read((8 << 20) - rest, at: UInt64(rest)))
    let small = try LoopDevice(byteCount: 2 << 20, in: scratch)
    let tooMuch = try streams.shell("cat image | \(words(direction, small.path))")
    expectComplaint(tooMuch, status: 1, "smaller than the stream", "2097152")
  }

  @Test(arguments: [Direction.push, .local])
  func nothingIsRefused(direction: Direction) throws {
    let old = try ImageFile.full(in: scratch, named: "target.img", byteCount: 1 << 20, seed: 6)
    let before = try old.copied(to: scratch)
    for path in [old.path, scratch.path("new.img")] {
      let run = try streams.shell("true | \(words(direction, path))")
      expectComplaint(run, status: 6, "is empty", "--force")
    }
    try expectEqual(old, before)
    #expect(!scratch.names.contains { $0.contains("new.img") })
    let forced = try streams.shell("true | \(words(direction, old.path, "--force"))")
    #expect(try forced.status == 0 && old.byteCount == 0, "\(forced)")
  }

  enum Victim: CaseIterable, Sendable { case near, far }

  @Test(arguments: Victim.allCases, [false, true])
  func killedAndRunAgain(victim: Victim, isInPlace: Bool) throws {
    let image = try ImageFile.full(in: scratch, named: "image", byteCount: 24 << 20, seed: 7)
    if isInPlace {
      _ = try ImageFile.full(in: scratch, named: "target.img", byteCount: 24 << 20, seed: 8)
    }
    let farEnd = try FarEnd(in: scratch)
    let command = try words(
      .push, target().path, "--compress=none", remotePath: farEnd.command)
    let identifier = victim == .near ? scratch.path("near") : farEnd.pidFile
    let killed = try streams.shell(
      """
      { head -c 12000000 image; sleep 1; kill -9 $(cat \(identifier)); sleep 2; } |
      { echo $BASHPID >near; exec \(command); }
      """)
    #expect(killed.status != 0, "\(killed)")
    if victim == .far { expectComplaint(killed, status: 4, "backup") }
    #expect(farEnd.isGone())
    #expect(isInPlace == FileManager.default.fileExists(atPath: target().path))
    let again = try streams.shell("cat image | \(words(.push, target().path, "--verify"))")
    #expect(again.status == 0, "\(again)")
    try expectEqual(target(), image)
  }

  @Test func aFarEndThatDiesIsNoticedWhileNothingComes() throws {
    let farEnd = try FarEnd(in: scratch)
    let command = try words(.push, target().path, remotePath: farEnd.command)
    let started = Date()
    let run = try streams.shell(
      """
      mkfifo silent; sleep 30 >silent & sleeper=$!
      { until [ -s \(farEnd.pidFile) ]; do sleep 0.05; done; sleep 0.5
        kill -9 $(cat \(farEnd.pidFile)); } &
      \(command) <silent; status=$?; kill $sleeper; exit $status
      """)
    expectComplaint(run, status: 4, "backup")
    #expect(Date().timeIntervalSince(started) < 20)
  }

  @Test func whatMakesNoSense() throws {
    for (words, mention) in [
      ("--size-policy=min - x", "size-policy"), ("-n - x", "nothing to estimate"),
      ("- a b", "stands for one of two"), ("verify - x", "is no image"),
    ] {
      expectComplaint(try streams.shell("$blkmove \(words) </dev/null"), status: 2, mention)
    }
    let terminal = try streams.shell("script -qec \"$blkmove - made\" /dev/null")
    #expect(terminal.status == 2 && terminal.output.contains("terminal"), "\(terminal)")
  }

  @Test func aLongStreamTakesLittleMemory() throws {
    let meter = Meter(in: scratch)
    let words = (meter.words + [Blkmove.binary]).map(Blkmove.quoted).joined(separator: " ")
    let run = try streams.shell(
      "{ head -c 300M /dev/zero; head -c 100M /dev/urandom; } | \(words) - target.img")
    #expect(run.status == 0, "\(run)")
    #expect(meter.peakBytes > 1 << 20 && meter.peakBytes < 64 << 20, "\(meter.peakBytes)")
  }
}
