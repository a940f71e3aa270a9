// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// Whoever dies while a running machine is moved, and whenever: the machine goes on within two
/// seconds, nothing is left in it, and the next run succeeds.
@Suite(.endsInTime, .serialized, .needs(.virtualMachines)) struct KilledWhileLive {
  enum Victim: String, CaseIterable, Sendable {
    case mover, farEnd, shell, monitor
  }

  /// What can be seen from outside of where a run is.
  enum Moment: String, CaseIterable, Sendable {
    /// It has begun to track writes.
    case tracking
    /// The first bytes are at the other end.
    case copying
    /// It has asked more than once what is dirty.
    case rounds
    case paused
    /// Its command for the switch runs, all is there.
    case switching
  }

  private let scratch = Scratch()

  /// All combinations with BLKMOVE_TEST_LIVE_KILLS, as often as it says.
  private static let repetitions =
    ProcessInfo.processInfo.environment["BLKMOVE_TEST_LIVE_KILLS"].flatMap { Int($0) } ?? 0

  private static let cases: [(Victim, Moment)] = {
    if repetitions == 0 {
      return [
        (.mover, .switching), (.farEnd, .rounds), (.shell, .paused), (.monitor, .switching),
      ]
    }
    let all = Moment.allCases.flatMap { moment in Victim.allCases.map { ($0, moment) } }
    return (0..<repetitions).flatMap { _ in all }
  }()

  @Test func theMachineGoesOnAndTheNextRunSucceeds() throws {
    let site = try LiveSite(in: scratch)
    // The guardian needs it longer than the run.
    let relay = try SocketRelay(to: site.guest.qmpPath, at: scratch.path("relay"))
    for (victim, moment) in Self.cases {
      try kill(victim, at: moment, site, relay)
    }
    let run = try site.mover("--after", "stop").run([], [site.target])
    expectDone(run)
    try site.expectNothingLost(after: run)
  }

  /// After the user's switch it runs at the other end. Two of it would write to disks that were
  /// one, whatever goes wrong from then on.
  @Test func aMachineThatRunsElsewhereIsNeverResumed() throws {
    let site = try LiveSite(in: scratch)
    let relay = try SocketRelay(to: site.guest.qmpPath, at: scratch.path("relay"))
    let switching = scratch.path("switching")
    let mover = site.mover(
      "--after", "stop", "--switch-cmd", "touch '\(switching)'; sleep 1", through: relay.path)
    let (running, wire) = try mover.start([site.target])
    try site.guest.wait("the switch", withinSeconds: 30) {
      access(switching, F_OK) == 0 || running.isOver
    }
    relay.cut()
    let run = Blkmove.Run(outcome: running.wait(), wire: wire)
    let last = site.guest.serial.lastAcknowledged
    let deadline = Date() + 2
    while Date() < deadline {
      #expect(try site.guest.monitor.get().runState == "paused", "\(run)")
      usleep(100_000)
    }
    #expect(site.guest.serial.lastAcknowledged == last, "\(run)")
    try site.expectNoLeftovers()
    try site.expectNothingLost(after: run)
  }

  private func kill(
    _ victim: Victim, at moment: Moment, _ site: LiveSite, _ relay: SocketRelay
  ) throws {
    let what = "\(victim.rawValue) at \(moment.rawValue)"
    let far = try FarEnd(in: scratch)
    let switching = scratch.newPath("switching")
    // As long as the user's command may take, nobody else shall run the machine.
    let seconds = moment == .switching ? 1 : 0
    var mover = site.mover(
      "--after", "resume", "--switch-cmd", "touch '\(switching)'; sleep \(seconds)",
      through: relay.path)
    mover.remotePath = far.command
    if moment != .switching, moment != .paused { mover.options += ["--cutover", "manual"] }
    let (running, wire) = try mover.start([site.target])
    try site.guest.wait(what, withinSeconds: 30) {
      try hasCome(moment, site, wire, switching) || running.isOver
    }
    // At first there may be nobody yet.
    func identifier() -> pid_t? {
      switch victim {
      case .mover, .monitor: running.identifier
      case .farEnd: far.identifier
      case .shell: Self.shell(below: running.identifier)
      }
    }
    try site.guest.wait("\(what): a victim", withinSeconds: 10) {
      identifier() != nil || running.isOver
    }
    if victim == .monitor {
      relay.cut()
    } else if let identifier = identifier(), !running.isOver {
      Glibc.kill(identifier, SIGKILL)
    }
    try expectRecovery(of: site, since: SerialWatch.now, what)
    let run = Blkmove.Run(outcome: running.wait(), wire: wire)
    // What has reached its place does not need the other end any more.
    let isLate = moment == .paused || moment == .switching
    #expect(run.status != 0 || isLate, "\(what): \(run)")
    let isKilled = run.outcome.signal == SIGKILL && victim == .mover
    #expect(isKilled || run.outcome.signal == 0 && !run.outcome.isTimedOut, "\(what): \(run)")
    #expect(far.isGone(), "\(what): the far end stays")
    try site.expectNoLeftovers()
    print("KilledWhileLive: \(what): \(run.status ?? -1) \(run.outcome.sentences)")
  }

  /// The machine goes on within two seconds, and nothing is left in it.
  private func expectRecovery(of site: LiveSite, since start: Double, _ what: String) throws {
    let guest = site.guest
    let before = guest.serial.acknowledged.count
    // One that was acknowledged just then may have been on its way.
    try guest.wait("\(what): a machine that goes on", withinSeconds: 10) {
      guest.serial.acknowledged.count > before + 2
    }
    let resumed = SerialWatch.now - start
    try guest.wait("\(what): \(try guest.leftovers)", withinSeconds: 10) {
      try guest.leftovers.isEmpty
    }
    let cleared = SerialWatch.now - start
    #expect(resumed < 2 && cleared < 2, "\(what): \(resumed) s, \(cleared) s")
    // Of its server QEMU only tells who wants to end it.
    usleep(UInt32(max(0.5, 2 - cleared) * 1e6))
    #expect(throws: FixtureError.self, "\(what): an NBD server was left") {
      try guest.monitor.get().execute("nbd-server-stop")
    }
    print("KilledWhileLive: \(what): \(Int(resumed * 1000)) ms, \(Int(cleared * 1000)) ms")
  }

  private func hasCome(
    _ moment: Moment, _ site: LiveSite, _ wire: Meter, _ switching: String
  ) throws -> Bool {
    let guest = site.guest
    switch moment {
    case .tracking: return try guest.leftovers.contains { $0.hasPrefix("bitmap") }
    case .copying: return try hasCome(.tracking, site, wire, switching) && wire.sent > 1 << 20
    case .rounds:
      // Bitmaps take turns, so that another name says that a round has begun.
      let bitmaps = Set(try guest.leftovers.filter { $0.hasPrefix("bitmap") })
      if bitmaps.isEmpty { return false }
      usleep(300_000)
      let later = Set(try guest.leftovers.filter { $0.hasPrefix("bitmap") })
      return !later.isEmpty && later != bitmaps
    case .paused: return try guest.monitor.get().runState == "paused"
    case .switching: return access(switching, F_OK) == 0
    }
  }

  /// The ssh that a run has started, itself or through another program.
  private static func shell(below identifier: pid_t) -> pid_t? {
    let numbers = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [])
      .compactMap { pid_t($0) }
    var parents: [pid_t: pid_t] = [:]
    var names: [pid_t: String] = [:]
    for number in numbers {
      let status = (try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)) ?? ""
      let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
      parents[number] = fields.count > 1 ? pid_t(fields[1]) : nil
      names[number] = status.split(separator: "(").dropFirst().first
        .flatMap { $0.split(separator: ")").first }.map(String.init)
    }
    return numbers.first { number in
      guard names[number] == "ssh" else { return false }
      var ancestor = parents[number]
      while let next = ancestor, next > 1 {
        if next == identifier { return true }
        ancestor = parents[next]
      }
      return false
    }
  }
}
