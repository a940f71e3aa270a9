// SPDX-License-Identifier: Apache-2.0

package import Qemu

/// One thing that has to be undone when a live move does not come to its end: a pause, a throttle,
/// a bitmap, an export, a directory of the kernel's tracing.
///
/// Doing it twice does no more than doing it once, and doing it before the thing itself was done
/// does nothing: it is put down before.
package struct UndoStep: Equatable, Sendable {
  package enum Action: Equatable, Sendable {
    /// A command of the user's or of the system's.
    case command(words: [String], environment: [String: String], timeoutSeconds: Double)
    /// Commands to a virtual machine, one after the other. One that fails does not keep the
    /// others from being tried.
    case qmp(QmpAddress, [QmpUndo])
    /// Lets a virtual machine run again, if it is paused.
    case resume(QmpAddress)
    /// Removes a file, a link or a directory; of a directory it must be all.
    case remove(path: String)
  }

  /// What is being undone, for people; a step takes the place of the one of the same name.
  package var name: String
  package var action: Action

  package init(_ name: String, _ action: Action) {
    self.name = name
    self.action = action
  }

  /// The user's own command, which resumes what his other command has paused.
  package init(_ name: String, running hook: Hook) {
    let command = hook.childCommand
    self.init(
      name,
      .command(
        words: command.words, environment: command.environment,
        timeoutSeconds: command.timeoutSeconds))
  }
}

/// A command for a virtual machine that undoes something.
package struct QmpUndo: Equatable, Sendable {
  package var command: QmpCommand
  /// An error that has one of these in its text means that there is nothing to undo.
  package var harmlessErrors: [String]

  package init(_ command: QmpCommand, harmlessErrors: [String] = Self.notThere) {
    self.command = command
    self.harmlessErrors = harmlessErrors
  }

  /// How QEMU says that something is not there.
  package static let notThere = [
    "not found", "Cannot find", "Failed to find", "does not exist", "No such", "not running",
  ]
}
