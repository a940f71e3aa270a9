// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// Nights on which one end or the other is killed at a moment that nobody has chosen. What is left
/// is never taken for complete, no manifest claims what is not so, and the next run ends equal.
@Suite(.endsInTime) struct KilledAtRandom {
  private let scratch = Scratch()
  /// As many as are asked for by BLKMOVE_TEST_KILLS.
  private static let killCount =
    ProcessInfo.processInfo.environment["BLKMOVE_TEST_KILLS"].flatMap { Int($0) } ?? 12

  @Test func whatIsLeftIsNeverTakenForComplete() throws {
    var nights = try Nights(in: scratch)
    // A run that was over before its moment came killed nobody.
    for _ in 0..<Self.killCount * 4 where nights.killCount < Self.killCount {
      try nights.pass()
    }
    #expect(nights.killCount == Self.killCount, "\(nights.random)")
    #expect(nights.claimCount > 0, "no manifest said anything: \(nights.random)")
    print("KilledAtRandom: \(nights.killCount) kills, \(nights.claimCount) claims held")
  }

  /// What the other test relies on sees a single byte that is not as it is remembered.
  @Test func aFalseClaimIsSeen() throws {
    let image = try ImageFile.full(in: scratch, byteCount: (5 << 20) + 70_000, seed: 1)
    let copy = ImageFile(scratch.path("copy.img"))
    let mover = try Blkmove(.pull).withMarksOfItsOwn(in: scratch)
    expectDone(try mover.copy(image.path, copy.path))
    let known = try #require(try Remembered(copy.path, environment: mover.environment))
    let manifest = try #require(known.manifest)
    #expect(!known.isUnfinished)
    let before = try ManifestCheck(manifest, of: copy.path)
    #expect(before.isTrue && before.state == "closed" && before.claimCount > 80, "\(before)")

    try copy.write(Data([1]), at: (5 << 20) + 69_999)
    let warned = try ManifestCheck(manifest, of: copy.path)
    #expect(warned.isTrue && warned.state == "outdated", "\(warned)")
    let blind = try ManifestCheck(manifest, of: copy.path, options: "--whatever-its-times")
    #expect(blind.lies.contains("group 1 of segment 5 is not what is remembered"), "\(blind)")
  }
}

/// One image, one copy, and what happens to them from night to night.
private struct Nights {
  private let scratch: Scratch
  private let image: ImageFile
  private let target: ImageFile
  private let farEnd: FarEnd
  private let environment: [String: String]
  var random = Random(for: "KilledAtRandom")
  private(set) var killCount = 0
  private(set) var claimCount = 0
  /// Of a run that nobody disturbs.
  private var wholeSeconds = 0.0
  private var isFinished = false

  init(in scratch: Scratch) throws {
    self.scratch = scratch
    let pageCount = random.one(of: [300, 3000, 6000])
    image = try ImageFile.mixed(
      in: scratch, named: "image.img", pageCount: UInt64(pageCount),
      tail: random.one(of: [0, 1, 511]), using: &random)
    target = ImageFile(scratch.path("there", isDirectory: true) + "/copy.img")
    // Both ends of one machine, which take turns at being the target.
    let state = scratch.path("state", isDirectory: true)
    farEnd = try FarEnd(in: scratch, before: "export BLKMOVE_STATE_DIR='\(state)'")
    var environment = Command.plainEnvironment
    environment["BLKMOVE_STATE_DIR"] = state
    self.environment = environment
    try runToItsEnd()
  }

  private mutating func mover() -> Blkmove {
    var mover = Blkmove(random.one(of: Direction.remote))
    for option in ["-W", "--paranoid", "--no-manifest", "--compress=none", "-c", "--threads=1"]
    where random.chance(12) { mover.options.append(option) }
    mover.environment = environment
    mover.remotePath = farEnd.command
    return mover
  }

  private mutating func runToItsEnd() throws {
    let mover = mover()
    let run = try mover.copy(image.path, target.path)
    guard run.status == 0 else { throw FixtureError("\(random): \(run)") }
    #expect(try target.isEqual(to: image), "\(random): \(run)")
    #expect(try Remembered(target.path, environment: environment)?.isUnfinished == false)
    try holdClaims(run)
    wholeSeconds = run.outcome.elapsedSeconds
    isFinished = true
  }

  /// A day, and the night after it.
  mutating func pass() throws {
    if random.chance(70) {
      try image.changeAtRandom(runCount: random.one(of: [1, 3, 30]), using: &random)
    }
    if isFinished && random.chance(10) {
      // Somebody else works with the copy.
      try target.changeAtRandom(runCount: 2, using: &random)
    }
    if random.chance(30), target.exists { unlink(target.path) }
    try runAndKill()
    // Sometimes another one is killed before any comes to its end.
    if random.chance(70) { try runToItsEnd() }
  }

  private mutating func runAndKill() throws {
    isFinished = false
    let before = try target.exists ? target.copied(to: scratch, named: "before.img") : nil
    let known = try Remembered(target.path, environment: environment)
    let killed = try run(killing: random.one(of: ["near", "far"]))
    #expect(farEnd.isGone(), "\(random): the far end stays")

    let after = try Remembered(target.path, environment: environment)
    let isEqual = try target.exists && target.isEqual(to: image)
    if killed.status == 0 {
      #expect(isEqual && after?.isUnfinished == false, "\(random): falsely done: \(killed)")
    } else {
      killCount += 1
      #expect(killed.status == 4 || killed.outcome.signal == SIGKILL, "\(random): \(killed)")
    }
    if let after, !after.isUnfinished {
      // Then it is the one or the other, and it was not unfinished before.
      let isAsBefore = try before.map { try target.isEqual(to: $0) } ?? false
      let isUntouched = isAsBefore && known?.isUnfinished == false
      #expect(isEqual || isUntouched, "\(random): taken for complete: \(killed)")
    }
    try holdClaims(killed)
  }

  /// Every statement that anybody would believe is true.
  private mutating func holdClaims(_ run: Blkmove.Run) throws {
    for path in [target.path, image.path] {
      let known = try Remembered(path, environment: environment)
      guard let check = try known?.check() else { continue }
      #expect(check.isTrue, "\(random): \(known!) \(check) after \(run)")
      claimCount += check.claimCount
    }
  }

  /// The moment is one of the conversation, or one of the clock: not all that a run does can be
  /// seen on the wire.
  private mutating func run(killing victim: String) throws -> Blkmove.Run {
    var mover = mover()
    // It is there anew before the far end has anything to kill it for.
    unlink(farEnd.pidFile)
    if random.chance(50) {
      let event: Meter.Event = victim == "near" ? .killParent : .kill(pidFile: farEnd.pidFile)
      let most = try random.one(of: [1 << 10, 1 << 16, image.byteCount])
      mover.event = (random.number(0..<most), event)
      return try mover.copy(image.path, target.path)
    }
    let moment = Date() + random.seconds(upTo: wholeSeconds * 1.1)
    let (running, wire) = try mover.start(image.path, target.path)
    while !running.isOver, Date() < moment || farEnd.identifier == nil { usleep(1000) }
    if !running.isOver {
      if victim == "near" { running.send(SIGKILL) } else { kill(farEnd.identifier!, SIGKILL) }
    }
    return Blkmove.Run(outcome: running.wait(), wire: wire)
  }
}
