// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A source, a target on one disk, and what is remembered of it on another: the power of both goes
/// at once. On one disk what is flushed for the one would be flushed for the other.
struct PoweredSite {
  private let scratch: Scratch
  private let disk: PoweredDisk
  private let stateDisk: PoweredDisk
  let image: ImageFile
  private(set) var random = Random(for: "PowerIsCut")
  /// How often the power went under a run that was at work.
  private(set) var cutCount = 0
  private(set) var claimCount = 0

  init(in scratch: Scratch) throws {
    self.scratch = scratch
    disk = try PoweredDisk(byteCount: 256 << 20, in: scratch)
    stateDisk = try PoweredDisk(byteCount: 64 << 20, in: scratch)
    image = try ImageFile.full(in: scratch, byteCount: 40 << 20, seed: random.next())
  }

  /// Its path is another one after each cut.
  var target: ImageFile { ImageFile(disk.path("copy.img")) }
  private var state: String { stateDisk.path("state") }

  private var environment: [String: String] {
    var environment = Command.plainEnvironment
    environment["BLKMOVE_STATE_DIR"] = state
    return environment
  }

  var remembered: Remembered? {
    get throws { try Remembered(target.path, environment: environment) }
  }

  /// What is remembered of the source is on a disk that nothing happens to.
  func mover(_ direction: Direction, _ options: [String]) throws -> Blkmove {
    var mover = Blkmove(direction)
    mover.options = options
    if direction == .pull {
      mover.environment = environment
    } else {
      mover.remotePath = try FarEnd(
        in: scratch, before: "export BLKMOVE_STATE_DIR='\(state)'"
      ).command
    }
    return mover
  }

  /// How many records are in manifests just now, behind their first page.
  var recordCount: Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: state)) ?? []
    return names.filter { $0.hasPrefix("manifest-") }.reduce(0) { count, name in
      let bytes = (FileManager.default.contents(atPath: "\(state)/\(name)") ?? Data()).dropFirst(
        4096)
      let starts = stride(from: bytes.startIndex, to: bytes.endIndex, by: 808)
      return count + starts.count { bytes[$0..<min($0 + 808, bytes.endIndex)].contains { $0 != 0 } }
    }
  }

  func changeEverySecondPage() throws {
    let pattern = Pattern(seed: .random(in: 1...UInt64.max))
    for page in stride(from: 0, to: try image.byteCount / 4096, by: 2) {
      try image.write(pattern.pages(page, count: 1), at: page * 4096)
    }
  }

  /// Cuts the power under a copy, at a moment or when something is so, or at its end if that is
  /// earlier; and lets the disks come up again.
  func cut(
    _ direction: Direction, _ options: [String], afterSeconds seconds: Double,
    flushesTarget: Bool = false, afterJournals: (Bool, Bool) = (false, false),
    when: () -> Bool = { false }
  ) throws -> Outcome {
    let (running, _) = try mover(direction, options).start(image.path, target.path)
    let moment = Date() + seconds
    while !running.isOver, Date() < moment, !when() { usleep(1000) }
    if flushesTarget { try disk.synchronize() }
    try disk.cut(afterJournal: afterJournals.0)
    try stateDisk.cut(afterJournal: afterJournals.1)
    let outcome = running.wait()
    try disk.restart()
    try stateDisk.restart()
    return outcome
  }

  /// A run that is killed, and leaves to the page cache what it has written.
  func kill(_ direction: Direction, _ options: [String], afterSeconds seconds: Double) throws {
    let (running, _) = try mover(direction, options).start(image.path, target.path)
    let moment = Date() + seconds
    while !running.isOver, Date() < moment { usleep(1000) }
    running.send(SIGKILL)
    running.wait()
    // The far end goes by itself, and lets go of the target.
    let lock = open(target.path, O_RDONLY | O_CLOEXEC)
    defer { close(lock) }
    for _ in 0..<500 where lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0 { usleep(10_000) }
  }

  /// A night on which the power goes, and the next one.
  mutating func changeAndCut() throws {
    if random.chance(50) { try changeEverySecondPage() }
    try image.changeAtRandom(runCount: random.one(of: [1, 20, 60]), using: &random)
    if target.exists, random.chance(25) {
      // Else it would be there again when the power is.
      unlink(target.path)
      try disk.synchronize()
    }
    let before = try target.exists ? target.copied(to: scratch, named: "before.img") : nil
    let wasUnfinished = try remembered?.isUnfinished ?? false
    let direction = random.one(of: Direction.remote)
    if random.chance(30) {
      let seconds = random.seconds(upTo: 1)
      try kill(direction, ["--bwlimit=20M", "--compress=none"], afterSeconds: seconds)
    }
    let outcome = try cutAtRandom(direction)
    if outcome.status != 0 { cutCount += 1 }

    let after = try remembered
    let isEqual = try target.exists && target.isEqual(to: image)
    if outcome.status == 0 {
      #expect(isEqual && after?.isUnfinished == false, "\(random): falsely done: \(outcome)")
    }
    if let after, !after.isUnfinished {
      let isAsBefore = try before.map { try target.isEqual(to: $0) } ?? false
      #expect(
        isEqual || isAsBefore && !wasUnfinished, "\(random): taken for complete: \(outcome)")
    }
    try holdClaims(outcome)

    let mover = try mover(random.one(of: Direction.remote), ["--spot-checks=0"])
    let again = try mover.copy(image.path, target.path)
    #expect(again.status == 0, "\(random): \(again) after \(outcome)")
    #expect(try target.isEqual(to: image), "\(random): \(again) after \(outcome)")
    #expect(try remembered?.isUnfinished == false, "\(random)")
    try holdClaims(again.outcome)
  }

  private mutating func cutAtRandom(_ direction: Direction) throws -> Outcome {
    let rate = random.one(of: ["--bwlimit=6M", "--bwlimit=20M", "-v"])
    let most = random.one(of: [0.6, 1.5, 3])
    let moment = random.seconds(upTo: most)
    let isFlushed = random.chance(40)
    let flags = (random.chance(30), random.chance(30))
    return try cut(
      direction, ["--compress=none", rate], afterSeconds: moment, flushesTarget: isFlushed,
      afterJournals: flags)
  }

  /// Every statement that anybody would believe is true.
  mutating func holdClaims(_ outcome: Outcome) throws {
    guard let known = try remembered, let check = try known.check() else { return }
    #expect(check.isTrue, "\(random): \(known) \(check) after \(outcome)")
    claimCount += check.claimCount
  }
}
