// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Every option that decides what is copied and how, in both directions.
@Suite(.endsInTime) struct Options {
  private let scratch = Scratch()

  private func image(_ byteCount: UInt64 = 6 << 20, seed: UInt64 = 1) throws -> ImageFile {
    try ImageFile.full(in: scratch, byteCount: byteCount, seed: seed)
  }

  @Test(arguments: Direction.allCases, ["-n", "--dry-run"])
  func aDryRunChangesNothing(direction: Direction, option: String) throws {
    let image = try image()
    let target = try image.copied(to: scratch)
    try target.fill(1 << 20..<2 << 20, with: Pattern(seed: 2))
    let before = try target.copied(to: scratch)
    let attributes = try FileManager.default.attributesOfItem(atPath: target.path)
    let run = try Blkmove(direction, option, "--json").copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, before)
    let after = try FileManager.default.attributesOfItem(atPath: target.path)
    #expect(attributes[.modificationDate] as? Date == after[.modificationDate] as? Date)
    let lines = try JSONLines(run.outcome.output)
    #expect(try lines.figure("wanted_bytes") == 1 << 20, "\(run)")
    #expect(try lines.figure("equal_bytes") == 5 << 20, "\(run)")
    if direction != .local { #expect(run.wire.wire < 50_000, "\(run)") }
  }

  @Test(arguments: Direction.allCases)
  func aDryRunMakesNoFile(direction: Direction) throws {
    let run = try Blkmove(direction, "-n", "--json").copy(image().path, scratch.path("copy.img"))
    expectDone(run)
    #expect(try JSONLines(run.outcome.output).figure("wanted_bytes") == 6 << 20, "\(run)")
    #expect(scratch.names.count == 1)
  }

  /// Where one page fills an image it is sent once, unless nothing is compared.
  @Test(arguments: Direction.allCases, ["--no-whole", "--whole"])
  func aDryRunTellsWhatIsSentAfterwards(direction: Direction, option: String) throws {
    let image = try ImageFile.make(in: scratch, byteCount: 3 << 20)
    for page in 256..<UInt64(768) {
      try image.fill(page * 4096..<(page + 1) * 4096, with: Pattern(seed: 1), from: page % 2)
    }
    let target = try self.image(3 << 20, seed: 2)
    func figure(_ name: String, _ options: String...) throws -> UInt64 {
      var mover = Blkmove(direction, option, "--json")
      mover.options += options
      let run = try mover.copy(image.path, target.path)
      expectDone(run)
      return try JSONLines(run.outcome.output).figure(name)
    }
    let wanted = try figure("wanted_bytes", "-n")
    #expect(try figure("sent_bytes") == wanted)
    #expect(wanted == (option == "--whole" || direction == .local ? 2 << 20 : 8192))
    try expectEqual(target, image)
  }

  @Test(arguments: Direction.allCases, ["-W", "--whole"])
  func wholeSendsAllThatIsNotZero(direction: Direction, option: String) throws {
    let image = try image()
    try image.write(Data(count: 2 << 20), at: 2 << 20)
    let target = try image.copied(to: scratch)
    try target.fill(0..<3 << 20, with: Pattern(seed: 2))
    let run = try Blkmove(direction, option, "--compress=none").copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    if direction != .local {
      #expect(run.wire.wire >= 4 << 20 && run.wire.wire < (4 << 20) + 100_000, "\(run)")
    }
  }

  @Test(
    arguments: zip(
      ["-z", "--compress=1", "--compress=19", "--compress", "--compress=auto", "", ""],
      [.push, .pull, .push, .pull, .push, .push, .pull] as [Direction]))
  func textShrinks(option: String, direction: Direction) throws {
    let image = try ImageFile.make(in: scratch, byteCount: 4 << 20)
    let text = (0..<100_000).map { "line \($0) of a log that shrinks well\n" }.joined()
    try image.write(Data(text.utf8.prefix(3 << 20)), at: 0)
    var mover = Blkmove(direction)
    if !option.isEmpty { mover.options = [option] }
    let run = try mover.copy(image.path, scratch.path("copy.img"))
    expectDone(run)
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
    #expect(run.wire.wire < 1 << 20, "\(run)")
  }

  @Test(
    arguments: zip(
      ["--compress=auto", "--compress=1", "--compress=9", "--compress=none", "--no-compress"],
      [.push, .pull, .push, .pull, .push] as [Direction]))
  func noiseDoesNotGrow(option: String, direction: Direction) throws {
    let path = scratch.path("noise.img")
    try Command.succeed("dd", "if=/dev/urandom", "of=\(path)", "bs=1M", "count=8", "status=none")
    let run = try Blkmove(direction, option).copy(path, scratch.path("copy.img"))
    expectDone(run)
    try expectEqual(ImageFile(scratch.path("copy.img")), ImageFile(path))
    #expect(run.wire.wire < (8 << 20) * 101 / 100, "\(run)")
  }

  @Test(arguments: zip(["4M", "4MiB/s", "4096"], [.push, .pull, .push] as [Direction]))
  func theRateIsKeptAndEven(rate: String, direction: Direction) throws {
    let image = try image(8 << 20)
    let mover = Blkmove(direction, "--compress=none", "-v", "--bwlimit=\(rate)")
    let (running, wire) = try mover.start(image.path, scratch.path("copy.img"))
    var samples: [UInt64] = []
    while !running.isOver {
      samples.append(wire.wire)
      usleep(250_000)
    }
    let outcome = running.wait()
    #expect(outcome.status == 0, "\(outcome)")
    #expect((1.6...4.5).contains(outcome.elapsedSeconds), "\(outcome.elapsedSeconds) s")
    let steps = zip(samples, samples.dropFirst()).map { $1 - $0 }
    #expect((steps.max() ?? 0) < 3 << 20, "a quarter of a second of 4 MiB/s: \(steps)")
    #expect((outcome.error + outcome.output).contains("4.00 MiB/s"), "\(outcome)")
  }

  @Test(arguments: Direction.allCases, ["1", "2", "16", "0"])
  func threads(direction: Direction, count: String) throws {
    let image = try image((18 << 20) + 99)
    let run = try Blkmove(direction, "--threads=\(count)")
      .copy(image.path, scratch.path("copy.img"))
    expectDone(run)
    try expectEqual(ImageFile(scratch.path("copy.img")), image)
  }

  @Test(arguments: Direction.allCases, [5 << 20, 6 << 20, 7 << 20])
  func sizePolicies(direction: Direction, targetByteCount: UInt64) throws {
    let image = try image()
    for policy in ["strict", "resize", "min"] {
      let target = try ImageFile.full(in: scratch, byteCount: targetByteCount, seed: 3)
      let before = try target.copied(to: scratch)
      let run = try Blkmove(direction, "--size-policy=\(policy)").copy(image.path, target.path)
      switch policy {
      case "strict" where targetByteCount != 6 << 20:
        expectComplaint(run.outcome, status: 6, "6 MiB", "\(targetByteCount >> 20) MiB")
        try expectEqual(target, before)
      case "min":
        expectDone(run)
        let common = min(targetByteCount, 6 << 20)
        try expectEqual(target, image, byteCount: common)
        #expect(try target.byteCount == targetByteCount)
        let rest = Int(targetByteCount - common)
        #expect(try target.read(rest, at: common) == before.read(rest, at: common))
      default:
        expectDone(run)
        try expectEqual(target, image)
      }
    }
  }

  @Test(arguments: [
    "--no-such-option", "--bwlimit=fast", "--bwlimit=-1", "--compress=20", "--compress=quick",
    "--threads=-1",
    "--threads=100000", "--index-memory=1", "--size-policy=none", "--timeout=soon", "--seed",
    "--progress=x", "--timeout=99999999999999999999", "--index-memory=99999999999999999T",
  ])
  func nonsenseIsAUsageError(option: String) throws {
    let outcome = try Blkmove.plain(option, "a.img", "b.img")
    #expect(outcome.status == 2 && !outcome.sentences.isEmpty, "\(outcome)")
    expectNoTrap(outcome)
  }

  @Test(
    arguments: [
      [], ["a.img"], ["verify"], ["verify", "a"],
      ["digest"], ["verify", "a", "b", "c"], [""], ["a.img", ""], ["", "b.img"], ["host:"],
      [":", ":"],
      ["ssh://", "b"], ["ssh://host:99999/x", "b"], ["ssh://host:x/y", "b"],
    ] as [[String]])
  func missingAndMalformedOperandsAreUsageErrors(operands: [String]) throws {
    let outcome = try Command([Blkmove.binary] + operands).run()
    #expect(outcome.status == 2 && !outcome.sentences.isEmpty, "\(outcome)")
    expectNoTrap(outcome)
  }

  @Test(
    arguments: [
      ["-h"], ["--help"], ["-V"], ["--version"],
      ["verify", "--help"], ["digest", "-h"], ["serve", "--help"],
    ] as [[String]])
  func helpAndVersion(words: [String]) throws {
    let outcome = try Command([Blkmove.binary] + words).run()
    #expect(outcome.status == 0 && outcome.output.contains("blkmove") && outcome.error.isEmpty)
  }
}
