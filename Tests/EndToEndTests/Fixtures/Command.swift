// SPDX-License-Identifier: Apache-2.0

import Foundation

/// One program to run: its words, its environment and how long it may take.
///
/// What it prints goes to files, so that a grandchild which holds a pipe open cannot hang a test,
/// and it runs in a process group of its own, which ends as a whole when time is up.
struct Command: Sendable {
  var words: [String]
  var environment = Command.plainEnvironment
  var directory: String?
  var timeoutSeconds = 60.0

  init(_ words: [String]) { self.words = words }
  init(_ words: String...) { self.words = words }

  /// The same for every test and every developer: no locale, no home, no backtrace that hangs.
  static let plainEnvironment: [String: String] = [
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": Scratch.root.path("home", isDirectory: true),
    "LC_ALL": "C.UTF-8",
    "TMPDIR": Scratch.root.path,
    "SWIFT_BACKTRACE": "enable=no",
    "BLKMOVE_STATE_DIR": Scratch.root.path("state", isDirectory: true),
  ]

  /// Runs it to its end. A program that does not end in time is killed, and that is in the outcome.
  @discardableResult
  func run() throws -> Outcome {
    try start().wait()
  }

  /// Runs a tool that must succeed.
  @discardableResult
  static func succeed(_ words: String..., timeoutSeconds: Double = 60) throws -> String {
    var command = Command(words)
    command.timeoutSeconds = timeoutSeconds
    let outcome = try command.run()
    guard outcome.status == 0 else { throw FixtureError("\(words): \(outcome)") }
    return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func start() throws -> RunningCommand {
    let output = Scratch.root.newPath("output")
    // The working directory is the tool's business: spawning cannot set it.
    let chdir = directory.map { ["env", "--chdir=\($0)"] } ?? []
    let identifier = try Spawn.start(
      chdir + words, environment: environment, output: .file(output + ".out"),
      error: .file(output + ".err"))
    return RunningCommand(
      identifier: identifier, words: words, output: output, timeoutSeconds: timeoutSeconds)
  }
}

/// Something that the test needed and did not get: never the program under test.
struct FixtureError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
