// SPDX-License-Identifier: Apache-2.0

package import Blocks
package import Qemu
package import Transfer

/// A disk of a virtual machine, tracked by QEMU itself.
///
/// ## Concurrency
/// As every `DirtySource`: all calls come from one thread.
package final class BitmapTracker: DirtySource {
  private let bitmaps: QemuBitmaps
  private let guardian: GuardianProcess
  private let undo: UndoStep

  package init(
    _ bitmaps: QemuBitmaps, of disk: MachineDisk, at address: QmpAddress,
    guardian: GuardianProcess
  ) {
    self.bitmaps = bitmaps
    self.guardian = guardian
    undo = UndoStep(
      "the bitmaps of \(disk.name)", .qmp(address, bitmaps.undo.map { QmpUndo($0) }))
  }

  package var name: String { "QEMU dirty bitmap" }

  package func begin() throws(TransferError) {
    try guardian.put(undo)
    try asking { () throws(QmpError) in try bitmaps.begin() }
  }

  package func take(into dirty: inout DirtySet) throws(TransferError) -> DirtyLoss? {
    do throws(QmpError) {
      return try bitmaps.take(into: &dirty).map { DirtyLoss($0) }
    } catch { throw TransferError(.source, error) }
  }

  package func tidy() { bitmaps.tidy() }

  package func end() {
    // What could not be removed is left to the guardian.
    if bitmaps.end() { try? guardian.remove(undo.name) }
  }
}
