// SPDX-License-Identifier: Apache-2.0

import Glibc
import Transfer

/// The thread that looks after a run: it redraws the progress, and answers signals.
///
/// ## Concurrency
/// It shares nothing with the run but the reporter and the progress, which guard themselves.
struct Attendant: Sendable {
  let signals: Signals
  let reporter: Reporter
  let progress: TerminalProgress

  /// Starts the thread; it ends with the process.
  func start() {
    _ = WorkerThread { attend() }
  }

  private func attend() -> Never {
    while true {
      switch signals.next(within: TerminalProgress.tickSeconds) {
      case .nothing: progress.tick()
      case .status: reporter.console.warn(["\(Program.name): \(progress.statusLine())"])
      case .cutover: reporter.requestCutover()
      case .interrupt: interrupt()
      }
    }
  }

  private func interrupt() -> Never {
    signals.restoreDefaults()
    let isOurs = reporter.interrupt(progress.unfinished(.interrupted))
    // Every room is built so that dying at any moment is safe: nothing has to be tidied.
    if isOurs { _exit(Int32(ExitStatus.interrupted.rawValue)) }
    // The run has just ended by itself, and is exiting.
    while true { pause() }
  }
}
