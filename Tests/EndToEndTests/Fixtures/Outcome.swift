// SPDX-License-Identifier: Apache-2.0

/// How a program ended and what it said.
struct Outcome: CustomStringConvertible, Sendable {
  var words: [String]
  var output: String
  var error: String
  /// Nil when a signal ended it.
  var status: Int32?
  var signal: Int32
  var isTimedOut: Bool
  var elapsedSeconds: Double

  var description: String {
    let end =
      isTimedOut
      ? "did not end in \(Int(elapsedSeconds)) s"
      : status.map { "exit status \($0)" } ?? "signal \(signal)"
    return """
      \(words.joined(separator: " "))
      \(end)
      stdout: \(output.suffix(3000))
      stderr: \(error.suffix(3000))
      """
  }

  /// The lines of standard error that are blkmove's complaints: not its notes, nor what the far
  /// end said and blkmove passed on under the host's name.
  var sentences: [String] {
    error.split(separator: "\n").map(String.init).filter { line in
      line.hasPrefix("blkmove: ")
        && !["note", Blkmove.host].contains { line.hasPrefix("blkmove: \($0): ") }
    }
  }
}
