// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The built program, run as a user runs it: with its far end behind a real ssh to the tests' own
/// sshd, and a meter between the two that counts what passes.
struct Blkmove {
  /// The program under test; BLKMOVE_BINARY names another build of it.
  static let binary =
    ProcessInfo.processInfo.environment["BLKMOVE_BINARY"] ?? Tool.built("blkmove")
  /// A host name that says nothing; the ssh configuration gives every name one meaning.
  static let host = "backup"

  var direction = Direction.local
  var options: [String] = []
  var timeoutSeconds = 60.0
  var environment = Command.plainEnvironment
  /// Another sshd than the one that all share.
  var shell: SecureShell?
  /// What is to happen on the wire, and when.
  var event: (position: UInt64, Meter.Event)?
  /// How long the line is, each way.
  var delayMilliseconds = 0
  /// The command at the other end.
  var remotePath = Blkmove.binary
  /// Words before those of the program at this end.
  var wrapping: [String] = []
  /// Whether there is to be a meter at each end: of memory and CPU time, and at the far end of
  /// what the server is given and says.
  var isMetered = false

  init(_ direction: Direction = .local, _ options: String...) {
    self.direction = direction
    self.options = options
  }

  /// The same with places for the marks of unfinished images that no other test has: for images
  /// that cannot be told from others, like those of a user-space file system.
  func withMarksOfItsOwn(in scratch: Scratch) throws -> Blkmove {
    var result = self
    result.environment["BLKMOVE_STATE_DIR"] = scratch.path("state", isDirectory: true)
    if direction != .local { result.shell = try SecureShell() }
    return result
  }

  /// What came of a run.
  struct Run: CustomStringConvertible {
    var outcome: Outcome
    var wire: Meter
    var near: Meter?
    var far: Meter?

    var status: Int32? { outcome.status }
    var description: String {
      "\(outcome)\nwire: \(wire.sent) bytes out, \(wire.received) bytes in"
    }
  }

  /// `blkmove SOURCE TARGET` with one of them at the other end, as the direction says.
  func copy(_ source: String, _ target: String) throws -> Run {
    try run([], [place(source, isSource: true), place(target, isSource: false)])
  }

  func verify(_ source: String, _ target: String) throws -> Run {
    try run(["verify"], [place(source, isSource: true), place(target, isSource: false)])
  }

  /// A copy that must end well.
  @discardableResult
  func succeed(_ source: String, _ target: String) throws -> Run {
    let run = try copy(source, target)
    guard run.status == 0 else { throw FixtureError("the copy failed: \(run)") }
    return run
  }

  /// `path` or `host:path`.
  func place(_ path: String, isSource: Bool) -> String {
    let isRemote = isSource ? direction == .pull : direction == .push
    return isRemote ? "\(Self.host):\(path)" : path
  }

  func run(_ subcommand: [String], _ operands: [String]) throws -> Run {
    let prepared = try prepare(subcommand, operands)
    var run = prepared.run
    run.outcome = try prepared.command.run()
    return run
  }

  /// Starts it and leaves it running; the meter of the wire can be read meanwhile.
  func start(_ source: String, _ target: String) throws -> (running: RunningCommand, wire: Meter) {
    try start([place(source, isSource: true), place(target, isSource: false)])
  }

  func start(_ operands: [String]) throws -> (running: RunningCommand, wire: Meter) {
    let prepared = try prepare([], operands)
    return (try prepared.command.start(), prepared.run.wire)
  }

  /// The program with no far end: help, usage errors, digests.
  static func plain(_ arguments: String...) throws -> Outcome {
    try Command([binary] + arguments).run()
  }

  private func prepare(
    _ subcommand: [String], _ operands: [String]
  ) throws -> (command: Command, run: Run) {
    let wire = Meter(
      in: .root, at: event?.position, event: event?.1, delayMilliseconds: delayMilliseconds)
    var words = wrapping + [Self.binary] + subcommand + options
    var far: Meter?
    if direction != .local {
      let client = try (shell ?? SecureShell.shared.get()).client
      words += ["-e", (wire.words + client).map(Self.quoted).joined(separator: " ")]
      var remote = [remotePath]
      if isMetered {
        let meter = Meter(in: .root)
        far = meter
        remote = meter.words + remote
      }
      words += ["--remote-path", remote.joined(separator: " ")]
    }
    var near: Meter?
    if isMetered {
      let meter = Meter(in: .root)
      near = meter
      words = meter.words + words
    }
    var command = Command(words + operands)
    command.environment = environment
    command.timeoutSeconds = timeoutSeconds
    let nothing = Outcome(
      words: [], output: "", error: "", status: nil, signal: 0, isTimedOut: false,
      elapsedSeconds: 0)
    return (command, Run(outcome: nothing, wire: wire, near: near, far: far))
  }

  /// A word as a shell would want it, for `-e`.
  static func quoted(_ word: String) -> String {
    "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }
}
