// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// Streams that were truncated, padded, repeated or altered are refused; what an interrupted
/// `apply` leaves behind is gone on with.
@Suite(.endsInTime) struct BrokenStreams {
  private let scratch = Scratch()
  private var streams: Streams { Streams(scratch: scratch) }

  /// Makes old.img, new.img, `man` and `delta`.
  private func prepare() throws -> (old: ImageFile, new: ImageFile) {
    let old = try ImageFile.full(in: scratch, named: "old.img", byteCount: 6 << 20, seed: 1)
    let new = try old.copied(to: scratch, named: "new.img")
    for segment: UInt64 in 0..<5 {
      let start = segment << 20
      try new.fill(start + 65_536..<start + 600_000, with: Pattern(seed: 2))
    }
    try new.write(Data(count: 1 << 20), at: 5 << 20)
    try streams.succeed("$blkmove manifest old.img >man; $blkmove delta man new.img >delta")
    return (old, new)
  }

  /// What a stream may become on its way.
  private func broken() throws -> [(name: String, bytes: Data)] {
    let whole = try streams.bytes("delta")
    let borders = try streams.borders(of: "delta")
    var result: [(String, Data)] = []
    for border in [0, 3] + borders.dropLast() {
      result.append(("cut at \(border)", whole.prefix(border)))
      result.append(("cut behind \(border)", whole.prefix(border + 4)))
    }
    result.append(("padded", whole + Data(count: 512)))
    result.append(("one byte more", whole + Data([10])))
    result.append(("doubled", whole + whole))
    for position in [2, 9, 30, whole.count / 3, whole.count / 2, whole.count - 20, whole.count - 1]
    {
      var altered = whole
      altered[position] ^= 0x20
      result.append(("altered at \(position)", altered))
    }
    let second = borders[borders.count - 3]..<borders[borders.count - 2]
    result.append(("a record twice", whole.prefix(second.upperBound) + whole[second.lowerBound...]))
    result.append(("a record less", whole.prefix(second.lowerBound) + whole[second.upperBound...]))
    return result
  }

  @Test func aFileIsRefusedBeforeAnythingIsWritten() throws {
    let (old, new) = try prepare()
    let before = try old.copied(to: scratch)
    for (name, bytes) in try broken() {
      try streams.write(bytes, to: "broken")
      let run = try streams.shell("$blkmove apply old.img <broken")
      #expect(run.status == 4, "\(name): \(run)")
      expectNoTrap(run)
      try expectEqual(old, before)
    }
    try streams.succeed("$blkmove apply old.img <delta")
    try expectEqual(old, new)
  }

  @Test func aPipeIsNoticedAndTheWholeGoesOn() throws {
    let (old, new) = try prepare()
    for (name, bytes) in try broken() {
      try streams.write(bytes, to: "broken")
      try streams.succeed("cp old.img target.img")
      let run = try streams.shell("cat broken | $blkmove apply target.img")
      #expect(run.status == 4, "\(name): \(run)")
      expectNoTrap(run)
      let target = ImageFile(scratch.path("target.img"))
      if try target.firstDifference(from: old) != nil {
        #expect(run.error.contains("apply the same delta"), "\(name): \(run)")
        let refused = try streams.shell("$blkmove digest target.img")
        #expect(refused.status == 6, "\(name): unfinished is no source: \(refused)")
      }
      let again = try streams.shell("$blkmove apply target.img <delta")
      #expect(again.status == 0, "\(name): \(again)")
      try expectEqual(target, new)
      try streams.succeed("$blkmove digest target.img; rm target.img")
    }
  }

  @Test func aBrokenManifestMakesNoDelta() throws {
    let (old, _) = try prepare()
    let before = try old.copied(to: scratch)
    let whole = try streams.bytes("man")
    var broken = try streams.borders(of: "man").dropLast().map { whole.prefix($0) }
    broken += [whole + whole, whole + Data([0]), whole.prefix(whole.count - 1)]
    for position in [20, 100, whole.count / 2, whole.count - 3] {
      var altered = whole
      altered[position] ^= 1
      broken.append(altered)
    }
    for bytes in broken {
      try streams.write(bytes, to: "broken")
      let run = try streams.shell("$blkmove delta broken new.img >made")
      expectComplaint(run, status: 4, "broken")
      let applied = try streams.shell("cat made | $blkmove apply old.img")
      #expect(applied.status == 4, "\(applied)")
      try expectEqual(old, before)
    }
  }

  @Test(arguments: 0..<8)
  func killedAndAppliedAgain(number: Int) throws {
    let (_, new) = try prepare()
    let borders = try streams.borders(of: "delta")
    let whole = try streams.bytes("delta")
    let count = number == 0 ? borders[1] : whole.count * number / 8
    let running = try streams.command(
      """
      cp old.img target.img
      { head -c \(count) delta; : >fed; sleep 60; } | { echo $BASHPID >pid; exec $blkmove apply \
      target.img; }
      """
    ).start()
    let deadline = Date() + 20
    while !FileManager.default.fileExists(atPath: scratch.path("fed")), Date() < deadline {
      usleep(5000)
    }
    usleep(UInt32(20_000 * (number % 4)))
    let identifier = try #require(
      pid_t(
        String(decoding: streams.bytes("pid"), as: UTF8.self)
          .trimmingCharacters(in: .whitespacesAndNewlines)))
    kill(identifier, SIGKILL)
    kill(-running.identifier, SIGTERM)
    running.wait()
    let other = try streams.shell("$blkmove manifest new.img | $blkmove delta - old.img >other")
    #expect(other.status == 0)
    let again = try streams.shell("$blkmove apply --verify target.img <delta")
    #expect(again.status == 0, "\(again)")
    try expectEqual(ImageFile(scratch.path("target.img")), new)
  }

  /// A power cut may tear a segment that was being written; the mark says that it may be so.
  @Test func aTornSegmentNeedsTheMark() throws {
    let (_, new) = try prepare()
    try streams.succeed("cp old.img target.img")
    let target = ImageFile(scratch.path("target.img"))
    try target.write(Data(repeating: 5, count: 4096), at: (1 << 20) + 65_536)
    let refused = try streams.shell("$blkmove apply target.img <delta")
    expectComplaint(refused, status: 6, "byte 1048576")
    // With a mark: a delta that is cut after its first pages leaves one.
    try streams.succeed("cp old.img target.img")
    let borders = try streams.borders(of: "delta")
    let cut = try streams.shell(
      "head -c \(borders[borders.count - 3]) delta | $blkmove apply target.img")
    #expect(cut.status == 4, "\(cut)")
    try target.write(Data(repeating: 5, count: 4096), at: (4 << 20) + 65_536)
    let again = try streams.shell("$blkmove apply target.img <delta")
    #expect(again.status == 0, "\(again)")
    try expectEqual(target, new)
    // What the delta leaves as it is must be right all the same.
    try streams.succeed("cp old.img target.img")
    _ = try streams.shell(
      "head -c \(borders[borders.count - 3]) delta | $blkmove apply target.img")
    try target.write(Data(repeating: 5, count: 4096), at: (4 << 20) + 700_000)
    let wrong = try streams.shell("$blkmove apply target.img <delta")
    #expect(wrong.status == 6 || wrong.status == 1, "\(wrong)")
  }
}
