// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A machine that writes faster than the line takes it is slowed down for as long as it takes, or
/// left alone; it is never paused for longer than was allowed.
@Suite(.endsInTime, .serialized, .needs(.virtualMachines), .needs(.narrowLines))
struct ConvergesOrSaysSo {
  private let scratch = Scratch()

  /// 20 Mbit/s, and pages that nothing compresses at several times that.
  private func site() throws -> LiveSite {
    let line = try NarrowLine(rate: "20mbit")
    let shell = try SecureShell(over: line)
    let writer = GuestWriter(slotCount: 1536, burst: 8)
    var site = try LiveSite(
      .init(hasSiblings: true), writer: writer, mebibytes: 32, filler: 1, in: scratch)
    site.shell = shell
    return site
  }

  @Test func aMachineIsSlowedDownAndLetGoAgain() throws {
    let site = try site()
    let run = try site.mover("--after", "resume", "--max-pause", "1s", "--throttle", "auto")
      .run([], [site.target])
    expectDone(run)
    #expect(try site.guest.monitor.get().runState == "running")
    try site.expectNoLeftovers()
  }

  @Test func withoutThatItEndsAndSaysWhichPauseItWouldTake() throws {
    let site = try site()
    let watch = SerialWatch(site.guest.serial)
    let monitor = try site.guest.monitor.get()
    try site.guest.waitForMore(5)
    let start = SerialWatch.now
    let run = try site.mover(
      "--after", "resume", "--max-pause", "200ms", "--max-rounds", "3", "--throttle", "off"
    ).run([], [site.target])
    #expect(run.status == 7, "\(run)")
    #expect(run.outcome.error.contains("pause"), "\(run)")
    #expect(try monitor.runState == "running")
    #expect(!monitor.events.contains("STOP"), "it was paused: \(run)")
    #expect(watch.longestSilence(since: start) < 1, "\(run)")
    try site.expectNoLeftovers()
  }

  @Test func aMachineThatIsSlowedDownIsLetGoWhenTheMoverIsKilled() throws {
    let site = try site()
    let (running, _) = try site.mover("--after", "resume", "--max-pause", "300ms")
      .start([site.target])
    try site.guest.wait("a machine that is slowed down", withinSeconds: 60) {
      try site.guest.leftovers.contains { $0.hasPrefix("iops") } || running.isOver
    }
    guard !running.isOver else {
      Issue.record("it was never slowed down: \(running.wait())")
      return
    }
    running.send(SIGKILL)
    let start = SerialWatch.now
    running.wait()
    try site.guest.wait("\(try site.guest.leftovers) to go", withinSeconds: 10) {
      try site.guest.leftovers.isEmpty
    }
    #expect(SerialWatch.now - start < 2)
    try site.guest.waitForMore(10, withinSeconds: 5)
  }
}
