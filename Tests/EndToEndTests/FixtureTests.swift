// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The fixtures themselves: a test that cannot fail proves nothing.
@Suite(.endsInTime) struct FixtureTests {
  @Test func aCommandIsRunAndItsEndIsKnown() throws {
    let outcome = try Command("sh", "-c", "echo out; echo err >&2; exit 3").run()
    #expect(outcome.output == "out\n" && outcome.error == "err\n" && outcome.status == 3)
  }

  @Test func aCommandThatDoesNotEndIsKilled() throws {
    var command = Command("sleep", "60")
    command.timeoutSeconds = 0.2
    #expect(try command.run().isTimedOut)
  }

  @Test func aChangedByteIsFound() throws {
    let scratch = Scratch()
    let left = try ImageFile.full(in: scratch, byteCount: 3 << 20, seed: 1)
    let right = try left.copied(to: scratch)
    try expectEqual(left, right)
    try right.write(Data([1, 2, 3]), at: 2_500_000)
    #expect(try left.firstDifference(from: right) == 2_500_000)
    let sparse = try ImageFile.make(in: scratch, byteCount: 8 << 40)
    let other = try ImageFile.make(in: scratch, byteCount: 8 << 40)
    #expect(try sparse.firstDifference(from: other) == nil)
    try other.write(Data([1]), at: 5 << 40)
    #expect(try sparse.firstDifference(from: other) == 5 << 40)
  }

  @Test func theSecureShellAnswersAndTheMeterCounts() throws {
    let meter = Meter(in: .root)
    let client = try SecureShell.shared.get().client
    let outcome = try Command(meter.words + client + ["anyhost", "echo hello"]).run()
    #expect(outcome.output == "hello\n", "\(outcome)")
    #expect(meter.received == 6 && meter.sent == 0)
  }

  @Test func aLongLineIsLongAndNotNarrow() throws {
    let meter = Meter(in: .root, delayMilliseconds: 150)
    let line = (meter.words + ["cat"]).map(Blkmove.quoted).joined(separator: " ")
    let outcome = try Command("bash", "-c", "head -c 20000000 /dev/zero | \(line) | wc -c").run()
    #expect(outcome.output == "20000000\n", "\(outcome)")
    #expect((0.3...5).contains(outcome.elapsedSeconds), "\(outcome)")
    #expect(meter.sent == 20_000_000 && meter.received == 20_000_000)
  }

  @Test(.needs(.loopDevices)) func aLoopDeviceHoldsWhatTheFileHolds() throws {
    let scratch = Scratch()
    let image = try ImageFile.full(in: scratch, byteCount: 1 << 20, seed: 2)
    let device = try LoopDevice(over: image.path)
    try expectEqual(ImageFile(device.path), image)
  }

  @Test func theCensusCountsPages() throws {
    let scratch = Scratch()
    let target = try ImageFile.full(in: scratch, byteCount: 4 << 20, seed: 3)
    let source = try target.copied(to: scratch)
    try source.fill(0..<8192, with: Pattern(seed: 4))
    try source.fill((3 << 20)..<(3 << 20) + 4096, with: Pattern(seed: 3), from: 0)
    let census = try PageCensus.of(source: source, target: target)
    #expect(census.differing == 3 && census.differingSegments == 2)
    #expect(census.missing == 2 && census.segments == 4)
  }

  @Test func theRealImagesAreRealAndChange() throws {
    let day = try SystemImages.firstNextDay.get()
    let census = try PageCensus.of(source: day, target: SystemImages.first.get())
    #expect((500...20_000).contains(census.differing))
    let check = try Command("e2fsck", "-fn", day.path).run()
    #expect(check.status == 0, "\(check)")
  }
}
