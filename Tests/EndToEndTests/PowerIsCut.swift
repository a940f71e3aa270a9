// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// The disks that hold the target and what is remembered of it lose their power during a copy. What
/// comes up again is never taken for complete, no manifest claims what is not there, and the next
/// run ends equal.
@Suite(.endsInTime, .needs(.loopDevices)) struct PowerIsCut {
  private let scratch = Scratch()
  /// As many as are asked for by BLKMOVE_TEST_POWER_CUTS.
  private static let cutCount =
    ProcessInfo.processInfo.environment["BLKMOVE_TEST_POWER_CUTS"].flatMap { Int($0) } ?? 5

  @Test func theManifestNeverClaimsWhatIsNotThere() throws {
    var site = try PoweredSite(in: scratch)
    // A copy that was over before the power went proves something else, and is not counted.
    for _ in 0..<Self.cutCount * 4 where site.cutCount < Self.cutCount {
      try site.changeAndCut()
    }
    #expect(site.cutCount == Self.cutCount, "\(site.random)")
    #expect(site.claimCount > 0, "no manifest said anything: \(site.random)")
    print("PowerIsCut: \(site.cutCount) cuts, \(site.claimCount) claims held")
  }

  /// What a run has done is there, however soon after it the power goes.
  @Test(arguments: Direction.remote)
  func whatIsDoneIsThere(direction: Direction) throws {
    var site = try PoweredSite(in: scratch)
    for _ in 0..<2 {
      let done = try site.cut(direction, [], afterSeconds: 60)
      #expect(done.status == 0, "\(done)")
      try site.holdClaims(done)
      try expectEqual(site.target, site.image)
      #expect(try site.remembered?.isUnfinished == false)
      // The second time pages here and there, which the page cache takes.
      try site.changeEverySecondPage()
    }
    // The times of a file that is written in place need not last; then its manifest says nothing.
    #expect(site.claimCount > 40 << 4)
  }

  /// After some seconds what has arrived is on stable storage, and remembered: nothing of it is
  /// sent again, whether it grew as a new file or was written over the old one.
  @Test(arguments: [true, false])
  func whatWasRememberedOnTheWayIsThere(isNew: Bool) throws {
    let site = try PoweredSite(in: scratch)
    if !isNew {
      expectDone(try site.mover(.push, []).copy(site.image.path, site.target.path))
      try site.changeEverySecondPage()
    }
    var hasForgotten = isNew
    let rate = isNew ? "--bwlimit=5M" : "--bwlimit=2500K"
    let killed = try site.cut(.push, [rate, "--compress=none"], afterSeconds: 40) {
      if site.recordCount == 0 { hasForgotten = true }
      guard hasForgotten && site.recordCount > 0 else { return false }
      // A second is enough for what makes them last.
      usleep(1_000_000)
      return true
    }
    #expect(killed.status != 0, "\(killed)")
    #expect(site.target.exists != isNew)
    let known = try #require(try site.remembered)
    #expect(known.isUnfinished)
    let check = try #require(try known.check())
    #expect(check.isTrue && check.state == "open", "\(check)")
    #expect(check.claimCount > 5 << 4, "of some 20 MiB: \(check)")

    let again = try site.mover(.push, ["--compress=none"]).copy(site.image.path, site.target.path)
    expectDone(again)
    try expectEqual(site.target, site.image)
    let share: UInt64 = isNew ? 1 : 2
    let rest = try site.image.byteCount - UInt64(check.claimCount) << 16
    #expect(again.wire.wire < rest / share + 200_000, "\(check) \(again)")
  }

  /// The new content is on its disk, and the word that the old one is remembered would be a lie.
  @Test func whatIsOverwrittenIsForgottenBefore() throws {
    var site = try PoweredSite(in: scratch)
    expectDone(try site.mover(.push, []).copy(site.image.path, site.target.path))
    let claimed = try #require(try site.remembered?.check()).claimCount
    try site.changeEverySecondPage()
    let first = try site.image.read(4096, at: 0)
    let (image, options) = (site.target, ["--bwlimit=2500K", "--compress=none"])
    let killed = try site.cut(.push, options, afterSeconds: 20, flushesTarget: true) {
      (try? image.read(4096, at: 0)) == first
    }
    #expect(killed.status != 0, "\(killed)")
    try site.holdClaims(killed)
    #expect(try #require(try site.remembered).isUnfinished)
    #expect(site.claimCount < claimed, "nothing was forgotten")
    expectDone(try site.mover(.pull, []).copy(site.image.path, site.target.path))
    try expectEqual(site.target, site.image)
  }

  /// A run reads what one that was killed has left to the page cache, and remembers it.
  @Test func whatAKilledRunLeftIsThereBeforeItIsRemembered() throws {
    let site = try PoweredSite(in: scratch)
    expectDone(try site.mover(.pull, []).copy(site.image.path, site.target.path))
    try site.changeEverySecondPage()
    try site.kill(.pull, ["--bwlimit=5M", "--compress=none"], afterSeconds: 1.8)
    #expect(site.recordCount == 0)
    let killed = try site.cut(.pull, ["--bwlimit=1M", "--compress=none"], afterSeconds: 20) {
      guard site.recordCount > 0 else { return false }
      usleep(1_500_000)
      return true
    }
    #expect(killed.status != 0, "\(killed)")
    let check = try #require(try site.remembered?.check())
    #expect(check.isTrue && check.state == "open" && check.claimCount > 0, "\(check)")
    expectDone(try site.mover(.pull, []).copy(site.image.path, site.target.path))
    try expectEqual(site.target, site.image)
  }
}
