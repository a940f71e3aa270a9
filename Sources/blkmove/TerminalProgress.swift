// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Synchronization
import Transfer

/// Shows how far a run is: one line that is redrawn on a terminal, whole lines elsewhere when asked
/// for, objects in JSON, and one line on SIGUSR1. It reads the counters of the run and never
/// disturbs it.
///
/// ## Concurrency
/// `tick` and `statusLine` are called by the attending thread, `follow` by the one that runs
/// the task. `state` is guarded by its mutex.
final class TerminalProgress: Sendable {
  /// Where the line goes.
  enum Channel: Sendable {
    case none
    /// Redrawn in place on standard error.
    case redrawn
    /// One line a second, without control codes.
    case lines(TextOutput)
  }

  /// Which run is looked at.
  struct Subject: Sendable {
    var source: String
    var target: String?
    var counters: Counters
    var position: (index: Int, count: Int)?
  }

  private struct State {
    var subject: Subject?
    var meter = ProgressMeter()
    var lastLineSeconds = 0.0
  }

  /// Between two redrawings.
  static let tickSeconds = 0.2
  /// Between two lines or objects.
  static let lineSeconds = 1.0
  private static let defaultWidth = 80

  private let channel: Channel
  private let reporter: Reporter
  private let state = Mutex(State())

  init(channel: Channel, reporter: Reporter) {
    self.channel = channel
    self.reporter = reporter
  }

  /// Begins to show another run.
  func follow(_ subject: Subject) {
    state.withLock { state in
      state.subject = subject
      state.meter = ProgressMeter()
      state.lastLineSeconds = Clock.now
    }
  }

  /// The run is over, and its line no longer true.
  func rest() {
    state.withLock { state in
      guard let subject = state.subject else { return }
      if case .lines(let output) = channel, output.hasRoom {
        let reading = state.meter.read(subject.counters.snapshot, at: Clock.now)
        _ = output.write(text(reading, subject) + "\n")
      }
      state.subject = nil
      reporter.console.clear()
    }
  }

  /// To be called about five times a second. It writes while it holds the state, so that
  /// nothing is drawn after `rest`.
  func tick() {
    let now = Clock.now
    state.withLock { state in
      guard let subject = state.subject else { return }
      let reading = state.meter.read(subject.counters.snapshot, at: now)
      let isLineDue = now - state.lastLineSeconds >= Self.lineSeconds
      if isLineDue {
        state.lastLineSeconds = now
        reporter.progress(reading, of: subject.source)
      }
      switch channel {
      // Whoever does not read misses a line; the thread that answers signals does not wait.
      case .redrawn where reporter.console.errors.hasRoom: draw(subject, reading)
      case .lines(let output) where isLineDue && output.hasRoom:
        _ = output.write(text(reading, subject) + "\n")
      case .none, .redrawn, .lines: break
      }
    }
  }

  /// For whoever asks by signal.
  func statusLine() -> String {
    let seen = state.withLock { state in
      state.subject.map { ($0, state.meter.read($0.counters.snapshot, at: Clock.now)) }
    }
    guard let (subject, reading) = seen else { return "nothing is being copied" }
    return "\(subject.source): \(text(reading, subject))"
      + "  elapsed \(ByteText.duration(reporter.elapsedSeconds))"
  }

  /// The run that a signal interrupts, as far as it is.
  func unfinished(_ status: ExitStatus) -> ImageResult? {
    state.withLock { $0.subject }.map { ImageResult($0, status) }
  }

  private func draw(_ subject: Subject, _ reading: ProgressMeter.Reading) {
    let columns = Int(linux_terminal_columns(reporter.console.errors.descriptor))
    // One column stays free: some terminals wrap when the last one is written.
    let width = (columns > 0 ? columns : Self.defaultWidth) - 1
    reporter.console.draw(text(reading, subject, width: width))
  }

  private func text(
    _ reading: ProgressMeter.Reading, _ subject: Subject, width: Int = .max
  ) -> String {
    ProgressLine(
      position: subject.position, operation: reporter.arguments.subcommand,
      isDryRun: reporter.arguments.isDryRun
    )
    .text(reading, width: width)
  }
}

extension ImageResult {
  /// What the counters say of a run that gave no report.
  init(_ subject: TerminalProgress.Subject, _ status: ExitStatus) {
    var report = Report()
    report.counters = subject.counters.snapshot
    report.imageByteCount = report.counters.imageByteCount
    self.init(source: subject.source, target: subject.target, status: status, report: report)
  }
}
