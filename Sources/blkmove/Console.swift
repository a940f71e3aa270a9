// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Wire

/// Standard output and standard error as one place: messages and the progress line take turns,
/// and a message never lands in the middle of the line that is being redrawn.
///
/// Every line is made safe to show first: names and sentences may come from another machine.
///
/// ## Concurrency
/// Any thread may write. `state` is guarded by its mutex, which is held while writing.
final class Console: Sendable {
  private struct State {
    var visibleLine = ""
    var outputError: Int32?
  }

  let output: TextOutput
  let errors: TextOutput
  private let state = Mutex(State())

  init(output: TextOutput = .standardOutput, errors: TextOutput = .standardError) {
    self.output = output
    self.errors = errors
  }

  /// Lines for standard output.
  func say(_ lines: [String]) {
    if lines.isEmpty { return }
    write(lines.map { "\($0.displayable)\n" }.joined())
  }

  /// Text that we made ourselves, for standard output as it is.
  func write(_ text: String) {
    state.withLock { state in
      erase(&state)
      if let error = output.write(text), state.outputError == nil { state.outputError = error }
    }
  }

  /// Lines for standard error. That they cannot be written is nothing that could be told.
  func warn(_ lines: [String]) {
    state.withLock { state in
      erase(&state)
      _ = errors.write(lines.map { "\($0.displayable)\n" }.joined())
    }
  }

  /// Draws the progress line over the one before.
  func draw(_ line: String) {
    let line = line.displayable
    state.withLock { state in
      if line == state.visibleLine { return }
      _ = errors.write("\r\(line)\(Self.eraseToEndOfLine)")
      state.visibleLine = line
    }
  }

  /// Takes the progress line away.
  func clear() {
    state.withLock { erase(&$0) }
  }

  /// What went wrong first on standard output.
  var outputError: Int32? { state.withLock { $0.outputError } }

  private static let eraseToEndOfLine = "\u{1b}[K"

  private func erase(_ state: inout State) {
    if state.visibleLine.isEmpty { return }
    _ = errors.write("\r\(Self.eraseToEndOfLine)")
    state.visibleLine = ""
  }
}
