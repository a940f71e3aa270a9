// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What crosses the wire, counted outside blkmove, and what blkmove says of it.
@Suite(.endsInTime) struct WireBytes {
  private let scratch = Scratch()

  private func image() throws -> ImageFile {
    let image = try ImageFile.make(in: scratch, byteCount: 40 << 20)
    try image.fill(3 << 20..<20 << 20, with: Pattern(seed: 1))
    try image.fill(30 << 20..<(30 << 20) + 40_960, with: Pattern(seed: 1))
    return image
  }

  @Test(arguments: Direction.remote, [[], ["--compress=none"], ["-W"]])
  func itsOwnFiguresAreTrue(direction: Direction, options: [String]) throws {
    let image = try image()
    let target = try image.copied(to: scratch)
    try target.fill(5 << 20..<7 << 20, with: Pattern(seed: 2))
    try target.fill(35 << 20..<36 << 20, with: Pattern(seed: 2))
    var mover = Blkmove(direction, "--json")
    mover.options += options
    let run = try mover.copy(image.path, target.path)
    expectDone(run)
    let lines = try JSONLines(run.outcome.output)
    #expect(try lines.figure("wire_sent_bytes") == run.wire.sent, "\(run)")
    #expect(try lines.figure("wire_received_bytes") == run.wire.received, "\(run)")
    #expect(try lines.figure("image_bytes") == 40 << 20)
    #expect(try lines.figure("scanned_bytes") == 40 << 20)
    let parts = try ["equal_bytes", "zero_bytes", "found_bytes", "sent_bytes"].map {
      try lines.figure($0)
    }
    #expect(parts.reduce(0, +) == 40 << 20, "\(run)")
    if !options.contains("-W") { #expect(parts[3] == 2 << 20, "\(run)") }
  }

  @Test(arguments: Direction.remote)
  func aFirstCopyCostsItsContent(direction: Direction) throws {
    let image = try image()
    let run = try Blkmove(direction, "--compress=none").copy(image.path, scratch.path("copy.img"))
    expectDone(run)
    let content: UInt64 = (17 << 20) + 40_960
    #expect(run.wire.wire <= content * 103 / 100 + 8192, "\(run)")
  }

  @Test(arguments: Direction.remote)
  func aFirstCopyOfARealSystem(direction: Direction) throws {
    let image = try SystemImages.first.get()
    let nothing = try ImageFile.make(in: scratch, byteCount: image.byteCount)
    let census = try PageCensus.of(source: image, target: nothing)
    let run = try Blkmove(direction, "--compress=none").copy(image.path, scratch.path("copy.img"))
    expectDone(run)
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
    #expect(run.wire.wire <= NightlyChange.bound(census), "\(census) \(run)")
  }

  /// A slow source is sent while it is read, whether or not the target holds something else.
  @Test(.needs(.fuse), arguments: Direction.remote, [false, true])
  func noWholePassBeforeTheFirstByteMoves(direction: Direction, isInPlace: Bool) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 24 << 20, seed: 3)
    let source = try FuseFile.slow(over: image, bits: "64M", in: scratch)
    let target = ImageFile(scratch.path("copy.img"))
    if isInPlace {
      _ = try ImageFile.full(in: scratch, named: "copy.img", byteCount: 24 << 20, seed: 4)
    }
    let (running, wire) = try Blkmove(direction, "--compress=none").start(source.path, target.path)
    let begin = Date()
    while wire.wire < 2 << 20 && !running.isOver { usleep(10_000) }
    let firstSeconds = Date().timeIntervalSince(begin)
    let outcome = running.wait()
    #expect(outcome.status == 0, "\(outcome)")
    #expect(outcome.elapsedSeconds > 2.5, "the source was not slow")
    let isEarly = firstSeconds < outcome.elapsedSeconds * 2 / 3
    #expect(isEarly, "2 MiB after \(firstSeconds) of \(outcome.elapsedSeconds) s")
    try expectEqual(target, image)
  }

  /// A line of 40 ms each way, and something to ask about in each of 256 segments: a question and
  /// answer for each would take 20 seconds.
  @Test(arguments: Direction.remote, [false, true])
  func noRoundTripIsPaidForEachSegment(direction: Direction, isNew: Bool) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 256 << 20, seed: 5)
    let target = ImageFile(scratch.path("copy.img"))
    if isNew {
      // Only a page a segment, so that the line's width does not count.
      for segment in 0..<UInt64(256) {
        try image.write(Data(count: (1 << 20) - 4096), at: segment << 20)
      }
    } else {
      _ = try image.copied(to: scratch, named: "copy.img")
      for segment in 0..<UInt64(256) {
        let offset = segment << 20 + segment * 4096
        try image.fill(offset..<offset + 4096, with: Pattern(seed: 6))
      }
    }
    var mover = Blkmove(direction, "--compress=none")
    mover.delayMilliseconds = 40
    let run = try mover.copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.outcome.elapsedSeconds < 7, "\(run.outcome.elapsedSeconds) s: \(run)")
  }

  @Test(arguments: Direction.remote)
  func hopsAreFewWhateverTheSize(direction: Direction) throws {
    // 48 bytes a segment pay for no more than a digest each; a terabyte of holes has none.
    let image = try ImageFile.make(in: scratch, byteCount: 1 << 40)
    let run = try Blkmove(direction).copy(image.path, scratch.path("copy.img"))
    expectDone(run)
    #expect(run.wire.wire < 16_384, "\(run)")
    #expect(run.outcome.elapsedSeconds < 20)
  }
}
