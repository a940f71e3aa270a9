// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// The disks of a machine that runs are moved while it writes, and hold everything that it was
/// told is on them.
@Suite(.endsInTime, .serialized, .needs(.virtualMachines)) struct RunningMachineIsMoved {
  private let scratch = Scratch()

  /// As many runs as are asked for by BLKMOVE_TEST_LIVE_RUNS, of every shape in turn.
  private static let runCount =
    ProcessInfo.processInfo.environment["BLKMOVE_TEST_LIVE_RUNS"].flatMap { Int($0) } ?? 0

  private static let shapes: [LiveSite.Shape] =
    runCount > 0
    ? (0..<runCount).map { LiveSite.Shape.all[$0 % LiveSite.Shape.all.count] }
    : [
      .init(hasIOThread: true, diskCount: 2, isDirect: true),
      .init(format: .qcow2, hasSiblings: true),
    ] + (Machine.hasLoopDevices ? [.init(isOnDevice: true, hasSiblings: true)] : [])

  @Test(arguments: shapes.indices)
  func nothingThatWasAcknowledgedIsLost(number: Int) throws {
    let shape = Self.shapes[number]
    var random = Random(for: "RunningMachineIsMoved \(shape.testDescription)")
    let writer = GuestWriter(
      slotCount: 2048, rate: random.one(of: [0, 300, 1000]), burst: random.one(of: [1, 4, 16]))
    let site = try LiveSite(shape, writer: writer, in: scratch)
    try site.guest.waitForMore(20)
    let run = try site.mover("--after", "stop").run([], [site.target])
    expectDone(run)
    #expect(try site.guest.monitor.get().runState == "paused", "\(run)")
    try site.expectNothingLost(after: run)
    try site.expectNoLeftovers()
  }

  /// What is acknowledged after the pause is not at the other end, so what was acknowledged is
  /// written down in the pause.
  @Test func theMachineGoesOnHereWhenItShall() throws {
    let site = try LiveSite(in: scratch)
    let atPause = scratch.path("at-pause")
    let watch = SerialWatch(site.guest.serial)
    let run = try site.mover(
      "--after", "resume", "--switch-cmd", "cp '\(site.guest.serial.path)' '\(atPause)'"
    ).run([], [site.target])
    expectDone(run)
    #expect(try site.guest.monitor.get().runState == "running", "\(run)")
    try site.guest.waitForMore(10, withinSeconds: 5)
    #expect(watch.longestSilence() < 5, "\(run)")
    let last = SerialLine(path: atPause).lastAcknowledged
    #expect(last > 0)
    try site.expectNothingLost(acknowledged: last, after: run)
    try site.expectNoLeftovers()

    // And again: what is at the other end is the old one now.
    let again = try site.mover("--after", "quit").run([], [site.target])
    expectDone(again)
    try site.guest.wait("the end of QEMU", withinSeconds: 0.1) { !site.guest.isRunning }
    try site.expectNothingLost(after: again)
    #expect(again.wire.sent < run.wire.sent, "\(again) after \(run)")
  }

  /// Until it is told to, it only keeps the other end close. The check sees when a part of what
  /// was sent in the pause is taken away again.
  @Test func cutoverWaitsForTheWordAndAPartOfTheLastRoundIsMissed() throws {
    let site = try LiveSite(writer: GuestWriter(slotCount: 2048, rate: 800), in: scratch)
    let mover = site.mover("--after", "stop", "--cutover", "manual")
    let (running, wire) = try mover.start([site.target])
    sleep(4)
    #expect(!running.isOver)
    #expect(try site.guest.monitor.get().runState == "running", "\(running.errorSoFar)")
    let names = try FileManager.default.contentsOfDirectory(atPath: site.there)
    let part = try #require(names.first { $0.contains("disk0") })
    let before = try ImageFile("\(site.there)/\(part)").copied(to: scratch)
    running.send(SIGUSR2)
    let run = Blkmove.Run(outcome: running.wait(), wire: wire)
    expectDone(run)
    try site.expectNothingLost(after: run)

    let target = try #require(try site.targets.first)
    let halved = try target.withoutHalfOfWhatChanged(since: before, in: scratch)
    let check = try site.guest.check([halved], in: scratch)
    #expect(!check.isWhole && check.lostCount > 0, "\(check)")
  }

  @Test func aHookThatFailsLeavesTheMachineRunning() throws {
    let site = try LiveSite(in: scratch)
    let run = try site.mover("--after", "stop", "--switch-cmd", "echo no >&2; exit 9")
      .run([], [site.target])
    #expect(run.status != 0, "\(run)")
    #expect(run.outcome.error.contains("no"), "\(run)")
    #expect(try site.guest.monitor.get().runState == "running", "\(run)")
    try site.guest.waitForMore(10, withinSeconds: 5)
    try site.expectNoLeftovers()
  }
}
