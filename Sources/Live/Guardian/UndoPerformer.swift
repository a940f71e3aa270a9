// SPDX-License-Identifier: Apache-2.0

import Glibc
import Transfer

/// Carries out what is to be undone, the last first.
///
/// A step that fails does not keep the others from being done; what failed is tried again, in the
/// same order, after growing pauses. So a machine runs again at once even when there is
/// something else that resists.
struct UndoPerformer {
  /// Hears what is worth telling.
  var say: (String) -> Void
  /// How long to wait before each further attempt.
  var pauseSeconds = [0.1, 0.3, 1, 2, 4]
  /// How long one command to a machine may take.
  var answerSeconds = 5.0

  /// Takes out of `undo` what was done, and tells of it; what is left has failed. Each failure is
  /// told once.
  func perform(_ undo: inout Undo, done: (UndoStep) -> Void = { _ in }) {
    var exchanges: [UndoStep.Machine: QmpExchange] = [:]
    for pause in pauseSeconds + [nil] {
      for step in undo.steps.reversed() {
        if let failure = attempt(step, &exchanges) {
          if pause == nil { say("cannot undo '\(step.name)': \(failure)") }
          continue
        }
        undo.remove(step.name)
        done(step)
      }
      guard let pause, !undo.isEmpty else { return }
      // A machine that does not answer may answer somebody who comes anew.
      exchanges = [:]
      Clock.sleep(seconds: pause)
    }
  }

  /// Why it failed; nil when it is undone.
  private func attempt(
    _ step: UndoStep, _ exchanges: inout [UndoStep.Machine: QmpExchange]
  ) -> String? {
    switch step.action {
    case .command(let words, let environment, let timeoutSeconds):
      let command = ChildCommand(
        words, environment: environment, timeoutSeconds: timeoutSeconds)
      do throws(TransferError) {
        return try command.run { say("\(step.name): \($0)") }.failure
      } catch { return error.sentence }
    case .remove(let path):
      if unsafe unlink(path) == 0 || errno == ENOENT { return nil }
      guard errno == EISDIR || errno == EPERM else { return Self.failure(path) }
      if unsafe rmdir(path) == 0 || errno == ENOENT { return nil }
      return Self.failure(path)
    case .qmp(let machine, let commands):
      let exchange = exchange(with: machine, &exchanges)
      var failures: [String] = []
      for command in commands {
        switch exchange.execute(command.line) {
        case .returned: continue
        case .refused(let why) where command.harmlessErrors.contains(where: why.contains): continue
        case .refused(let why): failures.append(why)
        case .lost(let why): return why
        }
      }
      return failures.isEmpty ? nil : failures.joined(separator: "; ")
    case .resume(let machine): return resume(exchange(with: machine, &exchanges))
    }
  }

  private static func failure(_ path: String) -> String {
    unsafe "\(path): \(String(cString: strerror(errno)))"
  }

  /// Only a machine that was told to pause is let go. One that stands still for reasons of its own,
  /// as after an error of its disk, waits for its owner; one that has been migrated runs elsewhere.
  private func resume(_ exchange: QmpExchange) -> String? {
    switch exchange.execute(#"{"execute":"query-status"}"#) {
    case .refused(let why), .lost(let why): return why
    case .returned(let value):
      if value["status"] != "paused" { return nil }
    }
    switch exchange.execute(#"{"execute":"cont"}"#) {
    case .returned: return nil
    case .refused(let why), .lost(let why): return why
    }
  }

  private func exchange(
    with machine: UndoStep.Machine, _ exchanges: inout [UndoStep.Machine: QmpExchange]
  ) -> QmpExchange {
    if let known = exchanges[machine] { return known }
    let made = QmpExchange(machine, answerSeconds: answerSeconds)
    exchanges[machine] = made
    return made
  }
}
