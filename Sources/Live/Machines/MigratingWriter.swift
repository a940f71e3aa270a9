// SPDX-License-Identifier: Apache-2.0

import Glibc
import Qemu
import Transfer

/// A virtual machine that takes its memory and devices along, and runs on at the other end: QEMU
/// moves those, and its own pause before its last part is the pause in which the disks are
/// completed.
///
/// Up to its last part it can go on here, and does when anything fails. From when QEMU says that
/// the other end has everything it is never resumed here.
///
/// ## Concurrency
/// All calls come from the thread that leads the move.
final class MigratingWriter: LiveWriter, @unchecked Sendable {
  private let base: MachineWriter
  private let live: LiveMachine
  private let place: MemoryPlace
  private let guardian: GuardianProcess
  private let maximumPauseSeconds: Double
  private let bytesPerSecond: UInt64
  private let incomingHook: Hook?
  private let announce: Announce
  private var target: VirtualMachine?
  private var migration: Migration?
  private var hasGone = false

  private static let pollSeconds = 0.002
  private static let pausingSeconds = 30.0
  private static let finishingSeconds = 30.0
  private static let arrivalSeconds = 10.0

  init(
    _ base: MachineWriter, live: LiveMachine, to place: MemoryPlace, guardian: GuardianProcess,
    incomingHook: Hook?, maximumPauseSeconds: Double, bytesPerSecond: UInt64,
    announce: @escaping Announce
  ) throws(TransferError) {
    // Memory that goes along has a pause of its own, which begins when it wants to.
    if let disk = live.disksReadWithCare.first {
      throw TransferError(
        .source,
        "\(disk): a disk that QEMU has to read and that has an iothread cannot be "
          + "moved together with the memory", status: .refused)
    }
    self.base = base
    self.live = live
    self.place = place
    self.guardian = guardian
    self.incomingHook = incomingHook
    self.announce = announce
    self.maximumPauseSeconds = maximumPauseSeconds
    self.bytesPerSecond = bytesPerSecond
  }

  var name: String { "\(base.name), with its memory" }
  var canSlowDown: Bool { base.canSlowDown }
  /// What is left of the memory, before the pause is said to have begun.
  var expectedPausingSeconds: Double { 0.05 }

  // MARK: Before the pause

  func prepare() throws(TransferError) {
    if let incomingHook { try guardian.run(incomingHook, announce: announce) }
    let target = try place.connectMonitor()
    self.target = target
    let socket = try place.openWay(for: target)
    defer { Glibc.close(socket) }
    let migration = try asking { () throws(QmpError) in try Migration(of: live.machine) }
    self.migration = migration
    let undo = migration.undo.map { QmpUndo($0) }
    try guardian.put(UndoStep(stepName, .qmp(live.machine.address, undo)))
    let rate = bytesPerSecond
    try asking { () throws(QmpError) in
      try migration.begin(over: socket, bytesPerSecond: rate)
    }
  }

  private var stepName: String { "the migration of \(live.machine.name)" }

  func isReady() throws(TransferError) -> Bool {
    switch try state() {
    case .active(let remaining, let rate):
      return rate > 0 && Double(remaining) / rate < maximumPauseSeconds / 2
    case .waiting: return true
    case .finishing, .completed, .none: return false
    case .failed(let sentence): throw failure(sentence)
    }
  }

  private func state() throws(TransferError) -> Migration.State {
    guard let migration else { return .none }
    return try asking { () throws(QmpError) in try migration.state() }
  }

  private func failure(_ sentence: String) -> TransferError {
    TransferError(
      .source, "\(live.machine.name): its memory was not taken: \(sentence)",
      hint: "it goes on here; start the other end anew", status: .failed)
  }

  // MARK: The pause

  func pause() throws(TransferError) -> Double {
    guard let migration else { return try base.pause() }
    try asking { () throws(QmpError) in try migration.allowPause() }
    let deadline = Clock.now + Self.pausingSeconds
    while true {
      switch try state() {
      case .waiting: return pauseStart()
      case .active: break
      case .failed(let sentence): throw failure(sentence)
      case .finishing, .completed, .none: throw failure("it did not wait for its disks")
      }
      if Clock.now > deadline { throw failure("its pause does not begin") }
      Clock.sleep(seconds: Self.pollSeconds)
    }
  }

  /// QEMU has paused it by itself, and says when.
  private func pauseStart() -> Double {
    let stop = live.machine.channel.takeEvents().last { $0.name == "STOP" }
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    let wall = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    let age = stop?.time.map { wall - $0 } ?? 0
    return Clock.now - min(max(age, 0), Self.pausingSeconds)
  }

  func moveOver() throws(TransferError) {
    guard let migration else { return }
    live.endExports()
    try asking { () throws(QmpError) in try migration.goOn() }
    let deadline = Clock.now + Self.finishingSeconds
    waiting: while true {
      switch try state() {
      case .completed: break waiting
      case .failed(let sentence): throw failure(sentence)
      case .active, .waiting, .finishing, .none: break
      }
      if Clock.now > deadline { throw failure("its last part does not arrive") }
      Clock.sleep(seconds: Self.pollSeconds)
    }
    hasGone = true
    try awaitArrival()
  }

  /// It runs there, or somebody has to look.
  private func awaitArrival() throws(TransferError) {
    let deadline = Clock.now + Self.arrivalSeconds
    do throws(QmpError) {
      while let target {
        let state = try target.runState()
        if state.isRunning { return }
        // It was started so as to wait for this.
        if state.isPaused || state.name == "prelaunch" { try target.resume() }
        if Clock.now > deadline {
          throw QmpError(.late, object: target.name, sentence: "it is '\(state.name)'")
        }
        Clock.sleep(seconds: Self.pollSeconds)
      }
    } catch {
      throw TransferError(
        .target, "its memory has arrived, and it does not run there: \(error.description)",
        hint: "see what became of it there before it is resumed here (QMP: cont)",
        status: .failed)
    }
  }

  func resume() throws(TransferError) {
    if hasGone { return }
    if let migration {
      let machine = live.machine
      try asking { () throws(QmpError) in
        try migration.cancel(seconds: Self.arrivalSeconds)
        if try machine.runState().isPaused { try machine.resume() }
        try migration.restore()
      }
      self.migration = nil
      try guardian.remove(stepName)
      leaveTarget()
    }
    try base.resume()
  }

  // MARK: The end

  func stayPaused() throws(TransferError) {
    try base.stayPaused()
    guard let migration else { return }
    try? migration.restore()
    try guardian.remove(stepName)
  }

  private func leaveTarget() {
    target?.channel.close()
    target = nil
    place.close()
  }

  func slowDown(writesPerSecond: Int) throws(TransferError) {
    try base.slowDown(writesPerSecond: writesPerSecond)
  }

  func speedUp() throws(TransferError) { try base.speedUp() }
  func quit() throws(TransferError) { try base.quit() }

  func close() {
    leaveTarget()
    base.close()
  }
}
