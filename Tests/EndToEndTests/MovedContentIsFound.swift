// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What the target holds anywhere is not sent, wherever in the source it is.
@Suite(.endsInTime) struct MovedContentIsFound {
  private let scratch = Scratch()

  @Test(arguments: Direction.remote)
  func anotherSystemOfTheSameDistribution(direction: Direction) throws {
    let image = try SystemImages.second.get()
    let target = try SystemImages.first.get().copied(to: scratch)
    let census = try PageCensus.of(source: image, target: target)
    let run = try Blkmove(direction, "--compress=none").copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.wire.wire <= census.missing * 4096 * 11 / 10, "\(census) \(run)")
  }

  @Test func theOtherWayRound() throws {
    let image = try SystemImages.first.get()
    let target = try SystemImages.second.get().copied(to: scratch)
    let census = try PageCensus.of(source: image, target: target)
    let run = try Blkmove(.push, "--compress=none").copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.wire.wire <= census.missing * 4096 * 11 / 10, "\(census) \(run)")
  }

  /// By how many pages the content moves, in which direction.
  struct Move: Sendable, CustomTestStringConvertible {
    var pages: Int64
    var direction: Direction
    var testDescription: String { "\(pages) pages, \(direction)" }

    static let all =
      [1, -1, 3, -3, 100, -100, 256, -256, 5000, -5000].map { Move(pages: $0, direction: .push) }
      + [Direction.pull, .local].flatMap { direction in
        [100, -100].map { Move(pages: $0, direction: direction) }
      }
  }

  /// The hard case is that each page's content lies where another page is about to be written.
  @Test(arguments: Move.all)
  func allContentMovedInPlace(_ move: Move) throws {
    let pageCount: UInt64 = 8192
    let pattern = Pattern(seed: 1)
    let byteCount = pageCount * 4096
    let target = try ImageFile.make(in: scratch, byteCount: byteCount)
    try target.fill(0..<byteCount, with: pattern, from: 100_000)
    let image = try ImageFile.make(in: scratch, byteCount: byteCount)
    try image.fill(0..<byteCount, with: pattern, from: UInt64(100_000 - move.pages))
    let census = try PageCensus.of(source: image, target: target)
    let run = try Blkmove(move.direction, "--compress=none").copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    if move.direction != .local {
      let names = pageCount * 12 + 32 * 1024 + 4096
      #expect(run.wire.wire <= census.missing * 4096 * 11 / 10 + names, "\(census) \(run)")
    }
  }

  @Test(arguments: Direction.remote)
  func halvesThatChangePlaces(direction: Direction) throws {
    let half: UInt64 = 16 << 20
    let pattern = Pattern(seed: 2)
    let target = try ImageFile.full(in: scratch, byteCount: 2 * half, seed: 2)
    let image = try ImageFile.make(in: scratch, byteCount: 2 * half)
    try image.fill(0..<half, with: pattern, from: half / 4096)
    try image.fill(half..<2 * half, with: pattern, from: 0)
    let run = try Blkmove(direction, "--compress=none").copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.wire.wire <= 2 * half / 10, "\(run)")
  }

  @Test(arguments: Direction.remote)
  func onePageManyTimesIsSentOnce(direction: Direction) throws {
    let page = Pattern(seed: 3).pages(0, count: 1)
    var segment = Data()
    for _ in 0..<256 { segment.append(page) }
    let image = try ImageFile.make(in: scratch, byteCount: 16 << 20)
    for number in 0..<16 { try image.write(segment, at: UInt64(number) << 20) }
    let target = scratch.path("copy.img")
    let run = try Blkmove(direction, "--compress=none").copy(image.path, target)
    expectDone(run)
    try expectEqual(ImageFile(target), image)
    #expect(run.wire.wire <= 2 << 20, "one page, a round trip or two of repeats: \(run)")
  }

  @Test(arguments: ["1M", "2M", "64M"])
  func aSmallIndexStillFindsRuns(memory: String) throws {
    // 64 MiB are 16,384 pages: far more than 1 MiB of index can name.
    let target = try ImageFile.full(in: scratch, byteCount: 256 << 20, seed: 4)
    let image = try ImageFile.make(in: scratch, byteCount: 256 << 20)
    try image.fill(0..<256 << 20, with: Pattern(seed: 4), from: 7)
    let run = try Blkmove(.push, "--compress=none", "--index-memory", memory)
      .copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(run.wire.wire <= (256 << 20) / 10, "\(run)")
  }
}
