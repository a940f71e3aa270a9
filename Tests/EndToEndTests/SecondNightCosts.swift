// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// With both manifests the second night costs what changed, not what there is: in bytes read, in
/// bytes on the wire, and in work.
@Suite(.endsInTime) struct SecondNightCosts {
  private let scratch = Scratch()
  private static let byteCount: UInt64 = 64 << 20
  private static let group: UInt64 = 64 << 10
  /// What `--spot-checks` is when nobody says it.
  private static let spotCheckCount: UInt64 = 64

  /// An image and its copy, both remembered by a first run.
  private func firstNight(
    _ direction: Direction, _ options: String...
  ) throws -> (image: ImageFile, copy: ImageFile) {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 1)
    let copy = try image.copied(to: scratch)
    // Times of this moment are not told from those of a change that comes at once.
    usleep(50_000)
    var mover = Blkmove(direction)
    mover.options = options
    expectDone(try mover.copy(image.path, copy.path))
    return (image, copy)
  }

  /// What source and target read of their images in one run.
  private func reads(
    _ direction: Direction, _ options: [String], _ image: ImageFile, _ copy: ImageFile
  ) throws -> (source: UInt64, target: UInt64, run: Blkmove.Run) {
    let (near, far) = (ReadTrace(in: scratch), ReadTrace(in: scratch))
    var mover = Blkmove(direction)
    mover.options = options
    mover.wrapping = near.words
    mover.remotePath = (far.words + [Blkmove.binary]).joined(separator: " ")
    let run = try mover.copy(image.path, copy.path)
    expectDone(run)
    let (source, target) = direction == .push ? (near, far) : (far, near)
    return (try source.byteCount(of: image), try target.byteCount(of: copy), run)
  }

  /// Each page that changed alone costs the group that it is in, of which only one digest is kept.
  @Test(.needs(.tracing), arguments: Direction.remote)
  func theTargetIsReadWhereItIsRewritten(direction: Direction) throws {
    let (image, copy) = try firstNight(direction)
    let scattered: UInt64 = 40
    for number in 0..<scattered {
      let start = number * 1_572_864
      try image.fill(start..<start + 4096, with: Pattern(seed: 2))
    }
    try image.fill(20 << 20..<21 << 20, with: Pattern(seed: 3))
    let night = try reads(direction, [], image, copy)
    try expectEqual(copy, image)
    let rewritten = (scattered + 16) * Self.group
    let most = rewritten + Self.spotCheckCount * Self.group
    #expect(night.target <= most, "\(night.target) bytes: \(night.run)")
    #expect(night.target > 0, "not even a spot check was seen: \(night.run)")
    // What it would be without: the trace sees what there is to see.
    let without = try reads(direction, ["--no-manifest"], image, copy)
    #expect(without.target >= Self.byteCount && without.source >= Self.byteCount)
  }

  @Test(.needs(.tracing), arguments: Direction.remote)
  func ofUnchangedImagesNothingIsRead(direction: Direction) throws {
    let (image, copy) = try firstNight(direction)
    let night = try reads(direction, ["--spot-checks=3"], image, copy)
    #expect(night.source == 0, "\(night.run)")
    #expect((1...3 * Self.group).contains(night.target), "\(night.target): \(night.run)")
    #expect(night.run.wire.wire <= 4096, "\(night.run)")
  }

  /// A source that was touched is read again, but hashed only where it is another. The slowest
  /// kernel hashes, so that what is not hashed shows in CPU time on every machine.
  @Test func aTouchedSourceIsNotHashedAgain() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 384 << 20, seed: 1)
    let copy = try image.copied(to: scratch)
    var mover = Blkmove(.push)
    mover.environment["BLKMOVE_LANES"] = "1"
    mover.isMetered = true
    usleep(50_000)
    expectDone(try mover.copy(image.path, copy.path))

    func cpuSeconds(_ options: String...) throws -> Double {
      try Command.succeed("touch", image.path)
      usleep(50_000)
      mover.options = options
      let run = try mover.copy(image.path, copy.path)
      expectDone(run)
      return try #require(run.near).cpuSeconds
    }
    var (rescans, hashes): ([Double], [Double]) = ([], [])
    for _ in 0..<3 {
      rescans.append(try cpuSeconds())
      hashes.append(try cpuSeconds("--paranoid"))
    }
    #expect(rescans.min()! * 2 <= hashes.min()!, "\(rescans) against \(hashes)")
    #expect(rescans.min()! > 0, "nothing was measured")
  }

  /// A terabyte of which little is data and of that a thousandth changes, a page here and there.
  @Test(arguments: Direction.remote)
  func aSparseTerabyteCostsItsChangedPages(direction: Direction) throws {
    let image = try ImageFile.make(in: scratch, byteCount: 1 << 40)
    try fillThinly(image)
    let copy = try image.copied(to: scratch)
    usleep(50_000)
    expectDone(try Blkmove(direction).copy(image.path, copy.path))
    try changeThinly(image)
    let run = try Blkmove(direction, "--compress=none").copy(image.path, copy.path)
    expectDone(run)
    try expectEqual(copy, image)
    #expect(run.wire.wire <= Self.changedByteCount * 12 / 10, "\(run)")
  }

  @Test(.needs(.loopDevices))
  func aDeviceOfATerabyteThatIsTrustedToo() throws {
    let image = try ImageFile.make(in: scratch, byteCount: 1 << 40)
    try fillThinly(image)
    let backing = try ImageFile.make(in: scratch, byteCount: 1 << 40)
    let device = try LoopDevice(over: backing.path)
    usleep(50_000)
    // It is known to be empty, so nothing of it need be read.
    expectDone(try Blkmove(.push, "-W").copy(image.path, device.path))
    try changeThinly(image)
    let run = try Blkmove(.push, "--compress=none", "--trust-target")
      .copy(image.path, device.path)
    expectDone(run)
    try expectEqual(backing, image)
    #expect(run.wire.wire <= Self.changedByteCount * 12 / 10, "\(run)")
  }

  private static let thinCount: UInt64 = 192
  private static let changedByteCount = thinCount / 4 * 4096

  private func place(_ number: UInt64) -> UInt64 { number * 5461 << 20 }

  private func fillThinly(_ image: ImageFile) throws {
    for number in 0..<Self.thinCount {
      try image.fill(place(number)..<place(number) + 1 << 20, with: Pattern(seed: 1))
    }
  }

  private func changeThinly(_ image: ImageFile) throws {
    for number in stride(from: 0, to: Self.thinCount, by: 4) {
      let start = place(number) + number * 4096
      try image.fill(start..<start + 4096, with: Pattern(seed: 2))
    }
  }
}
