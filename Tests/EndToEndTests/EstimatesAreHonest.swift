// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `--estimate` against the run that follows: what it says is what comes, and saying it changes
/// nothing.
@Suite(.endsInTime) struct EstimatesAreHonest {
  private let scratch = Scratch()

  /// The estimate of a result, and what the operands came to.
  private struct Told {
    var values: [String: Any]
    var run: Blkmove.Run

    init(_ run: Blkmove.Run) throws {
      self.run = run
      let result = try JSONLines(run.outcome.output).result
      guard let values = result["estimate"] as? [String: Any] else {
        throw FixtureError("no estimate: \(run)")
      }
      self.values = values
    }

    func number(_ name: String) throws -> Double {
      guard let number = values[name] as? NSNumber else {
        throw FixtureError("no \(name): \(values)")
      }
      return number.doubleValue
    }

    func isNull(_ name: String) -> Bool { values[name] is NSNull }
  }

  private func estimate(_ mover: Blkmove, _ source: String, _ target: String) throws -> Told {
    var mover = mover
    mover.options += ["--estimate", "--json"]
    let run = try mover.copy(source, target)
    expectDone(run)
    return try Told(run)
  }

  /// Half of it is text, which shrinks, and half does not; it differs from its older copy in
  /// many places.
  private func images() throws -> (image: ImageFile, target: ImageFile) {
    let image = try ImageFile.full(in: scratch, byteCount: 24 << 20, seed: 1)
    let target = try image.copied(to: scratch)
    var text = ""
    var number = 1
    while text.utf8.count < 6 << 20 {
      number = (number * 48_271) % 2_147_483_647
      text += "\(number): line of a log, \(number % 977) of \(number % 31) was written\n"
    }
    try image.write(Data(text.utf8.prefix(6 << 20)), at: 2 << 20)
    try Command.succeed(
      "dd", "if=/dev/urandom", "of=\(image.path)", "bs=64k", "seek=240", "count=64",
      "conv=notrunc", "status=none")
    // What is known to be in another place is not sent.
    try image.fill(22 << 20..<23 << 20, with: Pattern(seed: 1), from: 0)
    return (image, target)
  }

  @Test(arguments: Direction.remote, ["--compress=auto", "--compress=none", "--compress=9", "-W"])
  func theBytesAreThoseOfTheRun(direction: Direction, option: String) throws {
    let (image, target) = try images()
    let before = try target.copied(to: scratch)
    let attributes = try FileManager.default.attributesOfItem(atPath: target.path)
    let mover = try Blkmove(direction, option).withMarksOfItsOwn(in: scratch)
    let told = try estimate(mover, image.path, target.path)
    try expectEqual(target, before)
    let after = try FileManager.default.attributesOfItem(atPath: target.path)
    #expect(attributes[.modificationDate] as? Date == after[.modificationDate] as? Date)
    // No mark and no manifest at either end.
    let far = try #require(mover.shell).scratch
    for state in [scratch.path("state"), far.path("state")] {
      #expect(try FileManager.default.contentsOfDirectory(atPath: state).isEmpty)
    }
    #expect(told.run.wire.wire < 9 << 20, "the probe is bounded: \(told.run)")

    var copier = mover
    copier.options.append("--json")
    let run = try copier.copy(image.path, target.path)
    expectDone(run)
    try expectEqual(target, image)
    let lines = try JSONLines(run.outcome.output)
    #expect(try told.number("bytes") == Double(lines.figure("sent_bytes")), "\(told.run)\n\(run)")
    #expect(try told.number("found_bytes") == Double(lines.figure("found_bytes")))
    #expect(try told.number("pages") == (told.number("bytes") / 4096).rounded(.up))
    // What surrounds the pages is not in it: digests of segments, names of pages, questions.
    let ratio = try told.number("compressed_bytes") / Double(run.wire.wire)
    #expect((0.93...1.05).contains(ratio), "\(told.values), \(run)")
    if option == "--compress=none" {
      #expect(try told.number("compressed_bytes") == told.number("bytes"))
    }
  }

  /// The rate is not the line's here but the limit, which is the same and needs no long image.
  @Test(arguments: Direction.remote)
  func theTimeIsThatOfTheRun(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 40 << 20, seed: 1)
    let target = try image.copied(to: scratch)
    try Command.succeed(
      "dd", "if=/dev/urandom", "of=\(image.path)", "bs=1M", "seek=8", "count=20", "conv=notrunc",
      "status=none")
    let mover = Blkmove(direction, "--bwlimit=4M", "--no-manifest")
    let told = try estimate(mover, image.path, target.path)
    // On a busy machine even less than the limit comes through.
    let share = try told.number("bytes_per_second") / (4 * 1_048_576)
    #expect((0.75...1).contains(share), "\(told.values)")
    #expect(told.values["is_limit"] as? Bool == (share == 1), "\(told.values)")
    let run = try mover.copy(image.path, target.path)
    expectDone(run)
    let ratio = try told.number("seconds") / run.outcome.elapsedSeconds
    #expect((0.75...1.25).contains(ratio), "\(told.values), \(run.outcome.elapsedSeconds) s")
    #expect(run.outcome.elapsedSeconds > 4, "the limit has held: \(run)")
  }

  /// A line that is slower than the limit counts, whatever the limit is. The meter between the two
  /// ends forwards no faster than its reader, so what the rate is is taken from a run.
  @Test(arguments: Direction.remote)
  func withoutALimitTheLineIsMeasured(direction: Direction) throws {
    let (image, target) = try images()
    let told = try estimate(Blkmove(direction), image.path, target.path)
    #expect(told.values["is_limit"] as? Bool == false)
    if told.isNull("bytes_per_second") {
      #expect(told.isNull("seconds") && told.isNull("sending_seconds"))
    } else {
      #expect(try told.number("bytes_per_second") > 1_048_576)
      let sum = try told.number("comparing_seconds") + told.number("sending_seconds")
      #expect(try abs(told.number("seconds") - sum) < 0.01)
    }
  }

  @Test(arguments: Direction.remote)
  func aNewTargetIsNotMade(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 6 << 20, seed: 1)
    let told = try estimate(Blkmove(direction), image.path, scratch.path("copy.img"))
    #expect(try told.number("bytes") == 6 * 1_048_576)
    #expect(scratch.names.count == 1, "\(scratch.names)")
  }

  @Test func equalImagesTakeTheComparison() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 6 << 20, seed: 1)
    let target = try image.copied(to: scratch)
    let told = try estimate(Blkmove(.push), image.path, target.path)
    #expect(try told.number("bytes") == 0 && told.number("compressed_bytes") == 0)
    #expect(try told.number("seconds") == told.number("comparing_seconds"))
    #expect(told.run.wire.wire < 50_000, "nothing is to be sent, so no line is measured")
  }

  @Test func betweenTwoLocalImagesTheDiskIsNotTried() throws {
    let (image, target) = try images()
    let before = try target.copied(to: scratch)
    let told = try estimate(Blkmove(), image.path, target.path)
    try expectEqual(target, before)
    #expect(try told.number("bytes") == told.number("compressed_bytes"))
    #expect(told.isNull("seconds") && told.isNull("bytes_per_second"))
    let limited = try estimate(Blkmove(.local, "--bwlimit=1M"), image.path, target.path)
    let seconds = try limited.number("bytes") / 1_048_576
    #expect(try abs(limited.number("seconds") - seconds) < 0.01)
  }

  @Test(arguments: Direction.allCases)
  func severalImagesAreAddedUp(direction: Direction) throws {
    let directory = scratch.path("copies", isDirectory: true)
    let images = try (1...2).map {
      try ImageFile.full(in: scratch, byteCount: UInt64($0) << 20, seed: UInt64($0))
    }
    let mover = Blkmove(direction, "--estimate", "--json")
    let operands =
      images.map { mover.place($0.path, isSource: true) }
      + [mover.place(directory, isSource: false)]
    let run = try mover.run([], operands)
    expectDone(run)
    #expect(try Told(run).number("bytes") == 3 * 1_048_576)
    let entries = try JSONLines(run.outcome.output).result["images"] as? [[String: Any]]
    let each = entries?.compactMap { ($0["estimate"] as? [String: Any])?["bytes"] as? Int }
    #expect(each == [1 << 20, 2 << 20])
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
  }

  @Test func itIsSaidInTwoLines() throws {
    let (image, target) = try images()
    let run = try Blkmove(.push, "--estimate", "--bwlimit=64M").copy(image.path, target.path)
    expectDone(run)
    let lines = run.outcome.output.split(separator: "\n").filter { !$0.hasPrefix("bandwidth") }
    #expect(lines.count == 2, "\(run)")
    #expect(lines.first?.contains("after compression, and find 1.00 MiB at the target's") == true)
    #expect(lines.last?.hasPrefix("would take about ") == true, "\(run)")
  }

  @Test(arguments: Direction.remote)
  func aRestrictedServerEstimatesToo(direction: Direction) throws {
    let directory = scratch.path("allowed", isDirectory: true)
    let (image, target) = try images()
    let far = direction == .push ? target : image
    let inside = try far.copied(to: scratch, named: "allowed/far.img")
    let command = [Blkmove.binary, "serve", "--restrict", directory].map(Blkmove.quoted)
    var mover = Blkmove(direction)
    mover.shell = try SecureShell(forcedCommand: command.joined(separator: " "))
    let told =
      direction == .push
      ? try estimate(mover, image.path, inside.path) : try estimate(mover, inside.path, target.path)
    #expect(try told.number("bytes") > 9 * 1_048_576)
    #expect(try told.number("found_bytes") == 1_048_576)
  }
}
