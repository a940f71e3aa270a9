// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A source that is written to while it is copied.
@Suite(.endsInTime) struct SourceChangesDuringRun {
  private let scratch = Scratch()
  private static let byteCount: UInt64 = 12 << 20

  /// Starts a slow copy and does something when half of it is over.
  private func copyWhile(
    _ direction: Direction, _ image: ImageFile, to target: ImageFile,
    _ body: (RunningCommand) throws -> Void
  ) throws -> Outcome {
    let mover = Blkmove(direction, "--compress=none", "--bwlimit=6M")
    let (running, wire) = try mover.start(image.path, target.path)
    while wire.wire < Self.byteCount / 2 && !running.isOver { usleep(5000) }
    #expect(!running.isOver, "it was over too soon")
    try body(running)
    return running.wait()
  }

  @Test(arguments: Direction.remote)
  func whatChangedBehindTheScanIsSettledAndSaid(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 1)
    let target = ImageFile(scratch.path("copy.img"))
    let outcome = try copyWhile(direction, image, to: target) { _ in
      try image.fill(1 << 20..<(1 << 20) + 65_536, with: Pattern(seed: 2))
      try image.fill(11 << 20..<(11 << 20) + 4096, with: Pattern(seed: 2))
    }
    #expect(outcome.status == 0, "\(outcome)")
    try expectEqual(target, image)
    #expect((outcome.error + outcome.output).contains("changed"), "it must be said: \(outcome)")
  }

  @Test(arguments: Direction.remote)
  func aSourceThatNeverRestsEndsInASentence(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 3)
    let target = ImageFile(scratch.path("copy.img"))
    let outcome = try copyWhile(direction, image, to: target) { running in
      var number: UInt64 = 0
      while !running.isOver && number < 60_000 {
        let page = (number % 512) * 4096
        try image.fill(page..<page + 4096, with: Pattern(seed: 4), from: number)
        number += 1
        usleep(500)
      }
    }
    expectNoTrap(outcome)
    if outcome.status != 0 {
      expectComplaint(outcome, status: 1, "source", "chang")
      #expect(!FileManager.default.fileExists(atPath: target.path))
    }
  }

  @Test(arguments: Direction.remote)
  func aSourceThatShrinksIsAnError(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 5)
    let target = ImageFile(scratch.path("copy.img"))
    let outcome = try copyWhile(direction, image, to: target) { _ in
      try Command.succeed("truncate", "-s", "5M", image.path)
    }
    expectComplaint(outcome, status: 1, "source", image.path)
    #expect(!FileManager.default.fileExists(atPath: target.path))
  }

  @Test(arguments: Direction.allCases)
  func aSourceThatGrowsIsAnErrorUntilItRests(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 8)
    let target = ImageFile(scratch.path("copy.img"))
    let mover = Blkmove(direction, "--compress=none", "--bwlimit=6M")
    let (running, _) = try mover.start(image.path, target.path)
    let part = ImageFile(scratch.path(".copy.img.blkmove-part"))
    while part.allocatedByteCount == 0 && !running.isOver { usleep(5000) }
    #expect(!running.isOver, "it was over too soon")
    try image.fill(Self.byteCount..<Self.byteCount + (1 << 20), with: Pattern(seed: 9))
    expectComplaint(running.wait(), status: 1, "source", "size", "13631488")
    #expect(!FileManager.default.fileExists(atPath: target.path))
    try Blkmove(direction).succeed(image.path, target.path)
    try expectEqual(target, image)
  }

  @Test func aTargetThatSomeoneElseWritesIsNoticed() throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 6)
    let target = try ImageFile.make(in: scratch, byteCount: Self.byteCount)
    let outcome = try copyWhile(.push, image, to: target) { _ in
      try target.fill(1 << 20..<(1 << 20) + 4096, with: Pattern(seed: 7))
    }
    // Without --verify nobody reads again what was written; nothing must trap or hang.
    expectNoTrap(outcome)
  }
}
