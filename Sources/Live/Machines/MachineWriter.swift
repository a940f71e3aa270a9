// SPDX-License-Identifier: Apache-2.0

package import Qemu
package import Transfer

/// A virtual machine as the writer of its disks, paused and slowed down through QEMU.
package final class MachineWriter: LiveWriter {
  private let live: LiveMachine
  private let disks: [MachineDisk]
  private let guardian: GuardianProcess
  /// A machine that stood still when we came is not resumed by us.
  private let wasRunning: Bool

  private var machine: VirtualMachine { live.machine }

  package init(
    _ live: LiveMachine, disks: [MachineDisk], guardian: GuardianProcess
  ) throws(TransferError) {
    self.live = live
    self.disks = disks
    self.guardian = guardian
    wasRunning = try asking { () throws(QmpError) in try live.machine.runState().isRunning }
  }

  package var name: String { "the machine at \(machine.name)" }
  package var canSlowDown: Bool { wasRunning }
  /// Measured: a millisecond or two, and what its disks have to finish; through virsh two processes
  /// on top.
  package var expectedPausingSeconds: Double {
    switch machine.address {
    case .socket: 0.005
    case .domain: 0.06
    }
  }

  private var pauseStep: UndoStep {
    UndoStep("the pause of \(machine.name)", .resume(machine.address))
  }

  private func limitsStep(_ disk: MachineDisk) -> UndoStep {
    UndoStep(
      "the limits of \(disk.name)",
      .qmp(machine.address, machine.undoThrottle(of: disk).map { QmpUndo($0) }))
  }

  package func pause() throws(TransferError) -> Double {
    guard wasRunning else { return Clock.now }
    try guardian.put(pauseStep)
    return try live.pause()
  }

  package func resume() throws(TransferError) {
    // What stands still for other reasons waits for its owner.
    guard guardian.undo.steps.contains(where: { $0.name == pauseStep.name }) else { return }
    try live.resume()
    try guardian.remove(pauseStep.name)
  }

  /// The limit is for all disks together.
  package func slowDown(writesPerSecond: Int) throws(TransferError) {
    let share = max(1, writesPerSecond / max(1, disks.count))
    for disk in disks {
      try guardian.put(limitsStep(disk))
      try asking { () throws(QmpError) in
        try machine.slowDown(disk, writesPerSecond: share)
      }
    }
  }

  package func speedUp() throws(TransferError) {
    let known = Set(guardian.undo.steps.map(\.name))
    for disk in disks where known.contains(limitsStep(disk).name) {
      try asking { () throws(QmpError) in try machine.speedUp(disk) }
      try guardian.remove(limitsStep(disk).name)
    }
  }

  package func stayPaused() throws(TransferError) { try guardian.remove(pauseStep.name) }

  /// What was put into it must have been taken out before: nobody could do it later.
  package func quit() throws(TransferError) {
    live.end()
    try asking { () throws(QmpError) in try machine.quit() }
  }

  package func close() {
    live.end()
    live.disconnect()
  }
}
