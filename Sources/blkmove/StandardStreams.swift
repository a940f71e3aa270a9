// SPDX-License-Identifier: Apache-2.0

import Glibc
import Transfer

/// Keeps binary data away from people, and text away from binary data: a terminal is no place for
/// a stream, and where a stream goes to standard output all that is said goes to standard error.
enum StandardStreams {
  static func check(_ task: PipelineTask, on console: Console) throws(CommandError) {
    if task.readsStandardInput, isatty(STDIN_FILENO) == 1 {
      throw CommandError(
        UsageError(
          "standard input is a terminal, and a stream is wanted",
          hint: "put it behind a pipe, or redirect a file to it: < FILE"))
    }
    if task.writesStandardOutput, console.output.isTerminal {
      throw CommandError(
        UsageError(
          "standard output is a terminal, and what is written there is binary",
          hint: "put a pipe behind it, or redirect it to a file: > FILE"))
    }
  }

  /// Where the words of this task go.
  static func console(for task: Invocation.Task, _ console: Console) -> Console {
    guard case .pipeline(let task) = task, task.writesStandardOutput else { return console }
    return Console(output: console.errors, errors: console.errors)
  }
}
