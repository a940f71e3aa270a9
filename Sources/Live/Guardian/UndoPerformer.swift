// SPDX-License-Identifier: Apache-2.0

import Glibc
import Qemu
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
  /// told once, and given back.
  @discardableResult
  func perform(_ undo: inout Undo, done: (UndoStep) -> Void = { _ in }) -> [String] {
    var failures: [String] = []
    var channels: [QmpAddress: any QmpChannel] = [:]
    for pause in pauseSeconds + [nil] {
      for step in undo.steps.reversed() {
        if let failure = attempt(step, &channels) {
          if pause == nil {
            say("cannot undo '\(step.name)': \(failure)")
            failures.append(failure)
          }
          continue
        }
        undo.remove(step.name)
        done(step)
      }
      guard let pause, !undo.isEmpty else { break }
      // A machine that does not answer may answer somebody who comes anew.
      channels = [:]
      Clock.sleep(seconds: pause)
    }
    return failures
  }

  /// Why it failed; nil when it is undone.
  private func attempt(
    _ step: UndoStep, _ channels: inout [QmpAddress: any QmpChannel]
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
      return speak(with: machine, &channels) { channel throws(QmpError) in
        try execute(commands, channel)
      }
    case .resume(let machine): return speak(with: machine, &channels, resume)
    }
  }

  // MARK: Machines

  private func speak(
    with machine: QmpAddress, _ channels: inout [QmpAddress: any QmpChannel],
    _ body: (any QmpChannel) throws(QmpError) -> Void
  ) -> String? {
    do throws(QmpError) {
      let channel = if let known = channels[machine] { known } else { try connect(to: machine) }
      channels[machine] = channel
      try body(channel)
      return nil
    } catch {
      if case .refused = error.kind {} else { channels[machine] = nil }
      return error.description
    }
  }

  private func connect(to machine: QmpAddress) throws(QmpError) -> any QmpChannel {
    switch machine {
    case .socket(let path): try QmpSocket(path: path, seconds: answerSeconds)
    case .domain: try machine.connect()
    }
  }

  /// All of them, whether or not one fails.
  private func execute(
    _ commands: [QmpUndo], _ channel: any QmpChannel
  ) throws(QmpError) {
    var failure: QmpError?
    for undo in commands {
      do throws(QmpError) {
        _ = try channel.execute(undo.command, seconds: answerSeconds)
      } catch {
        guard case .refused = error.kind else { throw error }
        if !undo.harmlessErrors.contains(where: error.sentence.contains) {
          failure = failure ?? error
        }
      }
    }
    if let failure { throw failure }
  }

  /// Only a machine that was told to pause is let go. One that stands still for reasons of its own,
  /// as after an error of its disk, waits for its owner; one that has been migrated runs elsewhere.
  private func resume(_ channel: any QmpChannel) throws(QmpError) {
    let state = try channel.execute(QmpCommand("query-status"), seconds: answerSeconds)
    guard state["status"]?.string == "paused" else { return }
    _ = try channel.execute(QmpCommand("cont"), seconds: answerSeconds)
  }

  private static func failure(_ path: String) -> String {
    unsafe "\(path): \(String(cString: strerror(errno)))"
  }
}
