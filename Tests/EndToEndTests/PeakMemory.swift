// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Memory is a constant and the stated index budget, whatever the size of the image.
@Suite(.endsInTime) struct PeakMemory {
  private let scratch = Scratch()
  private static let limit: UInt64 = 128 << 20

  /// 2 GiB of data as the specification asks, when there is time for it.
  private static let dataByteCount: UInt64 =
    ProcessInfo.processInfo.environment["BLKMOVE_TEST_LARGE"] == nil ? 256 << 20 : 2 << 30

  /// A sparse TiB with data all over it.
  private func image() throws -> ImageFile {
    let image = try ImageFile.make(in: scratch, byteCount: 1 << 40)
    let pieces: UInt64 = 64
    for number in 0..<pieces {
      let offset = number * (1 << 40) / pieces + number * 4096
      try image.fill(offset..<offset + Self.dataByteCount / pieces, with: Pattern(seed: 1))
    }
    return image
  }

  @Test(arguments: Direction.remote)
  func aSparseTerabyteAtBothEnds(direction: Direction) throws {
    let image = try image()
    let target = ImageFile(scratch.path("copy.img"))
    var mover = Blkmove(direction, "--compress=none")
    mover.isMetered = true
    mover.timeoutSeconds = 250
    let first = try mover.copy(image.path, target.path)
    expectDone(first)
    try expectEqual(target, image)
    check(first, "the first copy")

    // Everything has moved by a page, so that the index is full and in use.
    let moved = try ImageFile.make(in: scratch, byteCount: 1 << 40)
    try moved.fill(4096..<Self.dataByteCount / 64, with: Pattern(seed: 1), from: 0)
    try moved.fill(1 << 39..<(1 << 39) + (64 << 20), with: Pattern(seed: 2))
    let second = try mover.copy(moved.path, target.path)
    expectDone(second)
    try expectEqual(target, moved)
    check(second, "another image over it")
  }

  @Test(arguments: Direction.allCases)
  func aSmallIndexSavesMemory(direction: Direction) throws {
    let image = try image()
    var mover = Blkmove(direction, "--index-memory=1M")
    mover.isMetered = true
    mover.timeoutSeconds = 150
    let run = try mover.copy(image.path, scratch.path("copy.img"))
    expectDone(run)
    check(run, "with an index of 1 MiB")
  }

  /// Never a trap: a sentence, and nothing that is taken for complete. 256 threads with their
  /// stacks do not fit into a gibibyte.
  @Test func aSystemThatGivesNoMoreIsToldOf() throws {
    let image = try ImageFile.make(in: scratch, byteCount: 512 << 20)
    let target = ImageFile(scratch.path("copy.img"))
    let run = try Command(
      "bash", "-c", "ulimit -v 1048576; exec \"$@\"", "bash", Blkmove.binary, "--threads=256",
      image.path, target.path
    ).run()
    #expect(run.status == 1, "\(run)")
    #expect(run.error.contains("blkmove: the system gives this process no "), "\(run)")
    #expect(!FileManager.default.fileExists(atPath: target.path))
  }

  private func check(_ run: Blkmove.Run, _ what: String) {
    for (end, meter) in [("near", run.near), ("far", run.far)] {
      guard let meter else { continue }
      #expect(meter.peakBytes > 1 << 20, "\(what): the \(end) end was not measured")
      #expect(
        meter.peakBytes <= Self.limit,
        "\(what): the \(end) end took \(meter.peakBytes >> 20) MiB")
    }
  }
}
