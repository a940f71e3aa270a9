// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// The disk that holds the target and what is remembered of it loses its power during a copy. What
/// comes up again is never taken for complete, no manifest claims what is not there, and the next
/// run ends equal.
@Suite(.endsInTime, .needs(.loopDevices)) struct PowerIsCut {
  private let scratch = Scratch()
  /// As many as are asked for by BLKMOVE_TEST_POWER_CUTS.
  private static let cutCount =
    ProcessInfo.processInfo.environment["BLKMOVE_TEST_POWER_CUTS"].flatMap { Int($0) } ?? 5

  @Test func theManifestNeverClaimsWhatIsNotThere() throws {
    var site = try Site(in: scratch, for: "PowerIsCut")
    // A copy that was over before the power went proves something else, and is not counted.
    for _ in 0..<Self.cutCount * 4 where site.cutCount < Self.cutCount {
      try site.changeAndCut()
    }
    #expect(site.cutCount == Self.cutCount, "\(site.random)")
    #expect(site.claimCount > 0, "no manifest said anything: \(site.random)")
    print("PowerIsCut: \(site.cutCount) cuts, \(site.claimCount) claims held")
  }

  /// After some seconds what has arrived of a new file is on stable storage, and remembered.
  @Test func whatWasRememberedOnTheWayIsThere() throws {
    let site = try Site(in: scratch, for: "PowerIsCut")
    let killed = try site.cut(.push, ["--bwlimit=4M", "--compress=none"], afterSeconds: 30) {
      // Records are there; a second is enough for what makes them last.
      guard site.hasRecords else { return false }
      usleep(1_000_000)
      return true
    }
    #expect(killed.status != 0, "\(killed)")
    #expect(!site.target.exists)
    let part = try #require(try site.remembered)
    #expect(part.isUnfinished)
    let check = try #require(try part.check())
    #expect(check.isTrue && check.state == "open", "\(check)")
    #expect(check.claimCount > 5 << 4, "of some 20 MiB: \(check)")

    let again = try site.mover(.push, ["--compress=none"]).copy(site.image.path, site.target.path)
    expectDone(again)
    try expectEqual(site.target, site.image)
    let kept = UInt64(check.claimCount) << 16
    #expect(try again.wire.wire < site.image.byteCount - kept + 100_000, "\(check) \(again)")
  }
}

/// A source on one disk, and a target on another whose power goes.
private struct Site {
  private let scratch: Scratch
  private let disk: PoweredDisk
  let image: ImageFile
  var random: Random
  private(set) var cutCount = 0
  private(set) var claimCount = 0

  init(in scratch: Scratch, for test: String) throws {
    self.scratch = scratch
    random = Random(for: test)
    disk = try PoweredDisk(byteCount: 256 << 20, in: scratch)
    image = try ImageFile.full(in: scratch, byteCount: 48 << 20, seed: random.next())
  }

  /// Its path is another one after each cut.
  var target: ImageFile { ImageFile(disk.path("copy.img")) }

  private var environment: [String: String] {
    var environment = Command.plainEnvironment
    environment["BLKMOVE_STATE_DIR"] = disk.path("state")
    return environment
  }

  var remembered: Remembered? {
    get throws { try Remembered(target.path, environment: environment) }
  }

  func mover(_ direction: Direction, _ options: [String]) throws -> Blkmove {
    var mover = Blkmove(direction)
    mover.options = options
    // What is remembered of the source is on a disk that nothing happens to.
    if direction == .pull {
      mover.environment = environment
    } else {
      let before = "export BLKMOVE_STATE_DIR='\(disk.path("state"))'"
      mover.remotePath = try FarEnd(in: scratch, before: before).command
    }
    return mover
  }

  /// Whether some manifest holds more than its first page.
  var hasRecords: Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: disk.path("state"))) ?? []
    return names.contains {
      $0.hasPrefix("manifest-")
        && ImageFile(disk.path("state/\($0)")).allocatedByteCount > 4096
    }
  }

  /// Cuts the power under a copy, at a moment or when something is so, and lets the disk come up
  /// again.
  func cut(
    _ direction: Direction, _ options: [String], afterSeconds seconds: Double,
    synchronizes: Bool = false, afterJournal: Bool = false, when: () -> Bool = { false }
  ) throws -> Outcome {
    let (running, _) = try mover(direction, options).start(image.path, target.path)
    let moment = Date() + seconds
    while !running.isOver, Date() < moment, !when() { usleep(1000) }
    if synchronizes { try disk.synchronize() }
    try disk.cut(afterJournal: afterJournal)
    let outcome = running.wait()
    try disk.restart()
    return outcome
  }

  /// A night on which the power goes, and the next one.
  mutating func changeAndCut() throws {
    try image.changeAtRandom(runCount: random.one(of: [1, 20, 60]), using: &random)
    if target.exists, random.chance(30) {
      // Else it would be there again when the power is.
      unlink(target.path)
      try disk.synchronize()
    }
    let before = try target.exists ? target.copied(to: scratch, named: "before.img") : nil
    let known = try remembered
    let direction = random.one(of: Direction.remote)
    let options = ["--compress=none", random.one(of: ["--bwlimit=20M", "--bwlimit=80M", "-v"])]
    let most = random.one(of: [0.3, 0.6, 1.5])
    let (moment, isFlushed) = (random.seconds(upTo: most), random.chance(40))
    let outcome = try cut(
      direction, options, afterSeconds: moment, synchronizes: isFlushed,
      afterJournal: random.next() % 2 == 0)
    if outcome.status != 0 { cutCount += 1 }

    let after = try remembered
    let isEqual = try target.exists && target.isEqual(to: image)
    if outcome.status == 0 {
      #expect(isEqual && after?.isUnfinished == false, "\(random): falsely done: \(outcome)")
    }
    if let after, !after.isUnfinished {
      let isAsBefore = try before.map { try target.isEqual(to: $0) } ?? false
      let isUntouched = isAsBefore && known?.isUnfinished == false
      #expect(isEqual || isUntouched, "\(random): taken for complete: \(outcome)")
    }
    try holdClaims(outcome)

    let mover = try mover(random.one(of: Direction.remote), ["--spot-checks=0"])
    let again = try mover.copy(image.path, target.path)
    #expect(again.status == 0, "\(random): \(again) after \(outcome)")
    #expect(try target.isEqual(to: image), "\(random): \(again) after \(outcome)")
    #expect(try remembered?.isUnfinished == false, "\(random)")
    try holdClaims(again.outcome)
  }

  private mutating func holdClaims(_ outcome: Outcome) throws {
    guard let known = try remembered, let check = try known.check() else { return }
    #expect(check.isTrue, "\(random): \(known) \(check) after \(outcome)")
    claimCount += check.claimCount
  }
}
