// SPDX-License-Identifier: Apache-2.0

package import Transfer

/// Whatever writes to an image and is paused and resumed by commands of the user's.
package final class CommandWriter: LiveWriter {
  private let pauseHook: Hook
  private let resumeHook: Hook
  private let guardian: GuardianProcess
  private let announce: Announce
  private static let step = "the pause"

  package init(
    pause: Hook, resume: Hook, guardian: GuardianProcess, announce: @escaping Announce
  ) {
    pauseHook = pause
    resumeHook = resume
    self.guardian = guardian
    self.announce = announce
  }

  package var name: String { "what '\(pauseHook.command)' pauses" }
  package var canSlowDown: Bool { false }
  package var expectedPausingSeconds: Double { 0.1 }

  package func pause() throws(TransferError) -> Double {
    let start = Clock.now
    try guardian.put(UndoStep(Self.step, running: resumeHook))
    do throws(TransferError) {
      try guardian.run(pauseHook, announce: announce)
      return start
    } catch {
      try? undoOnce(since: start)
      throw error
    }
  }

  /// A command that has failed may have done its work in part. What it did is undone once: that
  /// there is nothing to undo is no failure then. One that was ended for taking too long may still
  /// do it; that is the guardian's until it is undone.
  private func undoOnce(since start: Double) throws(TransferError) {
    if Clock.now - start >= pauseHook.timeoutSeconds { return }
    do throws(TransferError) {
      try guardian.run(resumeHook, announce: announce)
    } catch {
      announce(.note("\(error.sentence); so there was nothing to undo, or it is for you to do"))
    }
    try guardian.remove(Self.step)
  }

  package func resume() throws(TransferError) {
    guard guardian.undo.steps.contains(where: { $0.name == Self.step }) else { return }
    try guardian.run(resumeHook, announce: announce)
    try guardian.remove(Self.step)
  }

  package func slowDown(writesPerSecond: Int) throws(TransferError) {}
  package func speedUp() throws(TransferError) {}

  package func stayPaused() throws(TransferError) { try guardian.remove(Self.step) }

  /// There is no command for that.
  package func quit() throws(TransferError) {}

  package func close() {}
}
