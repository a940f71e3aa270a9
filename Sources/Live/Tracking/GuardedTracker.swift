// SPDX-License-Identifier: Apache-2.0

package import Blocks
package import Transfer

/// A tracker that puts something somewhere, with the guardian knowing how to take it away.
package final class GuardedTracker: DirtySource {
  private let tracker: any DirtySource
  private let undo: UndoStep
  private let guardian: GuardianProcess

  package init(_ tracker: any DirtySource, undo: UndoStep, guardian: GuardianProcess) {
    self.tracker = tracker
    self.undo = undo
    self.guardian = guardian
  }

  package var name: String { tracker.name }

  package func begin() throws(TransferError) {
    try guardian.put(undo)
    try tracker.begin()
  }

  package func take(into dirty: inout DirtySet) throws(TransferError) -> DirtyLoss? {
    try tracker.take(into: &dirty)
  }

  package func tidy() { tracker.tidy() }

  package func end() {
    tracker.end()
    // Who asks twice has nothing left to take away.
    if guardian.undo.steps.contains(where: { $0.name == undo.name }) {
      try? guardian.remove(undo.name)
    }
  }
}
