// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A writer that is no virtual machine is paused and resumed by commands, and what was written is
/// found in three ways, or in none.
@Suite(.endsInTime, .serialized, .needs(.loopDevices)) struct AnyWriterIsMoved {
  private let scratch = Scratch()

  struct Case: Sendable, CustomTestStringConvertible {
    var tracker: String
    var kind: MountedFileSystem.Kind?
    var isDevice = false

    var testDescription: String { "\(tracker) on \(kind?.rawValue ?? "a file")" }
  }

  static let cases: [Case] =
    [
      Case(tracker: "trace", isDevice: true),
      Case(tracker: "rescan"),
    ]
    + (Machine.hasClones
      ? MountedFileSystem.Kind.clonable.map { Case(tracker: "reflink", kind: $0) } : [])

  private func place(_ test: Case) throws -> WrittenPlace {
    try WrittenPlace(
      on: test.kind, isDevice: test.isDevice,
      pattern: GuestWriter(slotCount: 2048, rate: 1000, burst: 4), in: scratch)
  }

  private func mover(_ test: Case, _ place: WrittenPlace, _ options: String...) -> Blkmove {
    var mover = Blkmove(.push)
    mover.options = ["--live", test.tracker, "--after", "resume"] + place.hooks + options
    mover.timeoutSeconds = 60
    return mover
  }

  @Test(arguments: cases) func nothingThatWasAcknowledgedIsLost(test: Case) throws {
    let place = try place(test)
    let target = scratch.path("copy.img")
    let atPause = scratch.path("at-pause")
    let mover = mover(test, place, "--switch-cmd", "cp '\(place.writer.serial.path)' '\(atPause)'")
    let run = try mover.copy(place.image, target)
    expectDone(run)
    #expect(!place.isFrozen, "\(run)")
    let last = SerialLine(path: atPause).lastAcknowledged
    #expect(last > 20)
    let check = try place.writer.check(GuestDisk(path: target), acknowledged: last, in: scratch)
    #expect(check.isWhole, "\(check) after \(run)")
  }

  @Test func theReportTellsRoundsAndThePauseWithItsParts() throws {
    let place = try place(Self.cases[1])
    let target = scratch.path("copy.img")
    let run = try mover(Self.cases[1], place, "--json").copy(place.image, target)
    expectDone(run)
    let lines = try JSONLines(run.outcome.output)
    #expect(try lines.result["status"] as? Int == 0)
    #expect(!lines.ofType("round").isEmpty && lines.ofType("pausing").count >= 1, "\(run)")
    let report = try #require(lines.ofType("report").first, "\(run)")
    let pause = try #require(report["pause"] as? [String: Any], "\(run)")
    let whole = pause["seconds"] as? Double ?? 0
    let parts = ["pausing", "asking", "sending", "flushing", "finishing", "switching"].map {
      pause[$0] as? Double ?? -1
    }
    #expect(whole > 0 && parts.allSatisfy { $0 >= 0 }, "\(run)")
    #expect(abs(parts.reduce(0, +) - whole) < 0.01, "\(run)")
    #expect((pause["forecast"] as? [String: Any])?["seconds"] as? Double ?? 0 > 0, "\(run)")
    let disk = try #require((report["disks"] as? [[String: Any]])?.first, "\(run)")
    let digest = try Blkmove.plain("digest", target).output.prefix(64)
    #expect(disk["digest"] as? String == String(digest), "\(run)")
  }

  /// Until it is told to, it only keeps the other end close.
  @Test func aSubcommandSaysWhenToCutOver() throws {
    let place = try place(Self.cases[1])
    let mover = try mover(Self.cases[1], place, "--cutover", "manual")
      .withMarksOfItsOwn(in: scratch)
    let (running, wire) = try mover.start(place.image, scratch.path("copy.img"))
    let deadline = Date() + 30
    while !running.outputSoFar.contains("ready"), !running.isOver, Date() < deadline {
      usleep(20_000)
    }
    #expect(!running.isOver, "\(running.errorSoFar)")
    var command = Command(Blkmove.binary, "cutover")
    command.environment = mover.environment
    let told = try command.run()
    #expect(told.status == 0, "\(told)")
    expectDone(Blkmove.Run(outcome: running.wait(), wire: wire))
  }

  @Test func aPauseThatFailsLeavesTheWriterAlone() throws {
    let place = try place(Self.cases[1])
    var mover = mover(Self.cases[1], place)
    mover.options += ["--pause-cmd", "echo 'not now' >&2; exit 3"]
    let run = try mover.copy(place.image, scratch.path("copy.img"))
    #expect(run.status != 0, "\(run)")
    #expect(run.outcome.error.contains("not now"), "\(run)")
    #expect(!place.isFrozen, "\(run)")
  }

  /// The guardian of the pause runs the command that ends it.
  @Test func aMoverThatIsKilledInThePauseLeavesNobodyFrozen() throws {
    let place = try place(Self.cases[1])
    let switching = scratch.path("switching")
    let mover = mover(Self.cases[1], place, "--switch-cmd", "touch '\(switching)'; sleep 20")
    let (running, _) = try mover.start(place.image, scratch.path("copy.img"))
    let deadline = Date() + 30
    while access(switching, F_OK) != 0 {
      guard Date() < deadline, !running.isOver else {
        Issue.record("it never switched: \(running.wait())")
        return
      }
      usleep(5000)
    }
    let before = place.writer.serial.acknowledged.count
    running.send(SIGKILL)
    running.wait()
    let start = SerialWatch.now
    try place.writer.waitForMore(10, withinSeconds: 10)
    #expect(SerialWatch.now - start < 2)
    #expect(place.writer.serial.acknowledged.count > before)
  }
}
