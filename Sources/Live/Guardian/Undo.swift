// SPDX-License-Identifier: Apache-2.0

/// Everything that has to be undone if the run ends now, the last first.
///
/// There is one value for both: the run itself undoes when it fails, and the guardian when the
/// run is dead.
package struct Undo: Equatable, Sendable {
  /// In the order in which they were put down.
  package private(set) var steps: [UndoStep] = []

  package init() {}

  package var isEmpty: Bool { steps.isEmpty }

  /// A step of the same name is replaced, and becomes the last.
  package mutating func put(_ step: UndoStep) {
    remove(step.name)
    steps.append(step)
  }

  package mutating func remove(_ name: String) {
    steps.removeAll { $0.name == name }
  }

  package mutating func removeAll() { steps = [] }
}
