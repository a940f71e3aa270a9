// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// `blkmove manifest`, `delta` and `apply`, over files, pipes, devices and ssh.
@Suite(.endsInTime) struct PipelinePieces {
  private let scratch = Scratch()
  private var streams: Streams { Streams(scratch: scratch) }

  /// Two images that differ as a night's work does: pages, runs, zeros, and the size.
  private func images(
    _ oldByteCount: UInt64 = (9 << 20) + 1234, _ newByteCount: UInt64 = (9 << 20) + 1234
  ) throws -> (old: ImageFile, new: ImageFile) {
    let old = try ImageFile.make(in: scratch, named: "old.img", byteCount: oldByteCount)
    try old.fill(0..<min(oldByteCount, 5 << 20), with: Pattern(seed: 1))
    let new = try old.copied(to: scratch, named: "new.img")
    #expect(truncate(new.path, off_t(newByteCount)) == 0)
    if newByteCount > 4 << 20 {
      try new.write(Data("changed".utf8), at: (1 << 20) + 4095)
      try new.write(Data(count: 300_000), at: (2 << 20) + 77)
      try new.fill(3 << 20..<(3 << 20) + 200_000, with: Pattern(seed: 2))
    }
    try new.write(Data([7]), at: newByteCount - 1)
    return (old, new)
  }

  @Test(
    arguments: [
      (9_438_418, 9_438_418), (9_438_418, 12_000_000), (9_438_418, 5_000_001),
      (8 << 20, 9 << 20), (9 << 20, 8 << 20), (5000, 70_000), (70_000, 5000),
    ] as [(UInt64, UInt64)])
  func throughFiles(sizes: (UInt64, UInt64)) throws {
    let (old, new) = try images(sizes.0, sizes.1)
    let made = try streams.shell(
      """
      $blkmove manifest old.img >man && $blkmove delta man new.img >delta &&
      $blkmove apply -n old.img <delta
      """)
    #expect(made.status == 0, "\(made)")
    #expect(made.output.contains("would change"), "\(made)")
    #expect(try old.byteCount == sizes.0)
    let digest = try Blkmove.plain("digest", new.path).output.prefix(64)
    #expect(made.error.contains(digest), "\(made)")
    let applied = try streams.shell("$blkmove apply --verify old.img <delta")
    #expect(applied.status == 0 && applied.output.contains(digest), "\(applied)")
    try expectEqual(old, new)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: streams.state).allSatisfy {
        !$0.hasPrefix("unfinished")
      })
  }

  @Test func theResultIsLeftAlone() throws {
    let (old, new) = try images()
    try streams.succeed(
      "$blkmove manifest old.img >man; $blkmove delta man new.img | $blkmove apply -q old.img")
    var before = stat()
    stat(old.path, &before)
    let again = try streams.shell("$blkmove delta man new.img 2>/dev/null | $blkmove apply old.img")
    #expect(again.status == 0 && again.output.contains("is the result already"), "\(again)")
    var after = stat()
    stat(old.path, &after)
    #expect(before.st_mtim.tv_sec == after.st_mtim.tv_sec)
    #expect(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec)
    try expectEqual(old, new)
  }

  @Test func quietIsQuiet() throws {
    _ = try images()
    let quiet = try streams.shell(
      """
      $blkmove manifest -q old.img | $blkmove delta -q - new.img | $blkmove apply -q old.img
      """)
    #expect(quiet.status == 0 && quiet.error.isEmpty && quiet.output.isEmpty, "\(quiet)")
    let refused = try streams.shell("$blkmove manifest --json old.img >man")
    #expect(refused.status == 2, "\(refused)")
  }

  @Test func overSshAndBack() throws {
    let (old, new) = try images()
    let client = try SecureShell.shared.get().client.map(Blkmove.quoted).joined(separator: " ")
    let run = try streams.shell(
      """
      \(client) host $blkmove manifest $PWD/old.img | $blkmove delta - new.img |
      \(client) host $blkmove apply $PWD/old.img
      """)
    #expect(run.status == 0, "\(run)")
    try expectEqual(old, new)
  }

  @Test(.needs(.loopDevices))
  func aDeviceBecomesAnImage() throws {
    let (old, new) = try images(8 << 20, 8 << 20)
    let device = try LoopDevice(over: try old.copied(to: scratch).path)
    let script =
      "$blkmove manifest \(device.path) | $blkmove delta - new.img | $blkmove apply --verify "
    let run = try streams.shell(script + device.path)
    #expect(run.status == 0, "\(run)")
    try expectEqual(ImageFile(device.path), new)
    let again = try streams.shell("$blkmove manifest \(device.path) | $blkmove delta - new.img")
    #expect(again.status == 0 && again.error.contains("0 segments differ"))
  }

  @Test func anotherTargetIsRefused() throws {
    _ = try images()
    let other = try ImageFile.full(
      in: scratch, named: "other.img", byteCount: (9 << 20) + 1234, seed: 5)
    let before = try other.copied(to: scratch)
    try streams.succeed("$blkmove manifest old.img >man; $blkmove delta man new.img >delta")
    for script in ["$blkmove apply other.img <delta", "cat delta | $blkmove apply other.img"] {
      let run = try streams.shell(script)
      expectComplaint(run, status: 6, "other.img", "made against", "hint")
      try expectEqual(other, before)
    }
    let one = try streams.shell(
      "cp old.img one.img; printf x | dd of=one.img bs=1 seek=9000000 "
        + "conv=notrunc status=none; $blkmove apply one.img <delta")
    expectComplaint(one, status: 6, "byte 8388608")
    let missing = try streams.shell("$blkmove apply missing.img <delta")
    expectComplaint(missing, status: 6, "missing.img", "there is nothing yet")
  }

  @Test func aTerminalIsNoPlaceForAStream() throws {
    _ = try images()
    for (script, word) in [
      ("script -qec \"$blkmove manifest old.img\" /dev/null", "output is a terminal"),
      ("script -qec \"$blkmove delta old.img new.img\" /dev/null", "output is a terminal"),
      ("script -qec \"$blkmove delta - new.img >made\" /dev/null", "input is a terminal"),
      ("script -qec \"$blkmove apply old.img\" /dev/null", "input is a terminal"),
    ] {
      let run = try streams.shell(script)
      #expect(run.status == 2, "\(run)")
      #expect((run.output + run.error).contains(word), "\(run)")
    }
  }

  @Test(arguments: [
    ("manifest", "takes one image"), ("manifest a b", "takes one image"),
    ("delta old.img", "takes a manifest and an image"), ("apply", "takes one image"),
    ("manifest host:x", "run it there: ssh host"), ("apply -", "is no image"),
  ])
  func whatMakesNoSense(words: String, mention: String) throws {
    _ = try images()
    let run = try streams.shell("$blkmove \(words) </dev/null >made")
    expectComplaint(run, status: 2, mention)
  }

  @Test func aProducerThatFailsIsNoticed() throws {
    let (old, _) = try images()
    let before = try old.copied(to: scratch)
    let run = try streams.shell(
      """
      set +o pipefail
      $blkmove manifest missing.img | $blkmove delta - new.img | $blkmove apply old.img
      """)
    #expect(run.status == 4, "\(run)")
    try expectEqual(old, before)
    let full = try streams.shell("$blkmove manifest old.img >/dev/full")
    expectComplaint(full, status: 1, "standard output", "No space left")
    let gone = try streams.shell(
      "$blkmove delta --compress=none <($blkmove manifest old.img) new.img | true")
    #expect(gone.status != 0 && gone.status != nil, "\(gone)")
    expectNoTrap(gone)
  }

  @Test func aSparseTerabyteTakesLittleMemory() throws {
    let image = try ImageFile.make(in: scratch, named: "old.img", byteCount: 1 << 40)
    try image.fill(1 << 39..<(1 << 39) + (8 << 20), with: Pattern(seed: 1))
    let new = try image.copied(to: scratch, named: "new.img")
    try new.fill((1 << 39) + 4096..<(1 << 39) + 8192, with: Pattern(seed: 2))
    #expect(truncate(new.path, 3 << 40) == 0)
    let run = try streams.shell(
      """
      ulimit -v 1500000
      $blkmove manifest old.img | $blkmove delta - new.img | $blkmove apply old.img
      """)
    #expect(run.status == 0, "\(run)")
    try expectEqual(image, new)
    #expect(try streams.shell("$blkmove manifest new.img 2>/dev/null | wc -c").output.count < 6)
  }
}
