// SPDX-License-Identifier: Apache-2.0

import Transfer
import Wire

/// What `blkmove serve` lets the holder of an ssh key do: these paths, in these roles.
///
/// As the forced command of a key it sees what the client wanted to run, and reads it as the one
/// command that a client of ours sends. Anything else is refused; nothing of it is ever
/// executed.
struct ServeRestriction: Equatable, Sendable {
  /// Where sshd leaves the client's command.
  static let commandVariable = "SSH_ORIGINAL_COMMAND"

  var paths: [String]
  var mode: Server.Mode

  init(paths: [String], mode: Server.Mode = .readWrite) {
    self.paths = paths
    self.mode = mode
  }

  init(_ arguments: Arguments) throws(UsageError) {
    guard !arguments.restrictions.isEmpty else {
      throw UsageError("'\(Program.name) serve' needs '--restrict PATH'")
    }
    guard !(arguments.isReadOnly && arguments.isWriteOnly) else {
      throw UsageError("'--read-only' and '--write-only' together leave nothing to serve")
    }
    let paths = arguments.restrictions + arguments.operands
    if paths.contains("") { throw UsageError("option '--restrict': a path is empty") }
    self.init(
      paths: paths,
      mode: arguments.isReadOnly ? .readOnly : arguments.isWriteOnly ? .writeOnly : .readWrite)
  }

  /// What becomes of the client's command, when it is one of ours.
  enum Answer: Sendable {
    case serve(Server)
    /// Be a further connection of a run of this name, which was allowed when it began.
    case join(String)
    /// To be told to the client in its own language.
    case refuse(TransferError)
  }

  func answer(to command: String?) throws(CommandError) -> Answer {
    guard let command, !command.isEmpty else {
      throw Self.refusal(
        "this key is for \(Program.name) only, and no command was sent",
        hint: "use it as in: \(Program.name) SOURCE HOST:PATH")
    }
    let words: [String]
    do {
      words = try ShellWords.split(command, name: Self.commandVariable)
    } catch {
      throw Self.refusal("the client's command cannot be read: \(error.description)")
    }
    let request = try Self.request(words, command)
    guard let role = request.role.end else { return .join(request.path) }
    if mode == .writeOnly && role == .source {
      let sentence = "\(request.path): this key is write-only, it may not copy from here"
      return .refuse(TransferError(.source, sentence, status: .refused))
    }
    // A read-only key may be the target of a comparison; a copy is refused where it would be
    // opened for writing.
    return .serve(
      Server(
        role: role, path: request.path, seeds: request.seeds, siblings: request.siblings,
        restriction: paths, mode: mode))
  }

  private struct Request {
    var role: ServerRole
    var path: String
    var seeds: [String]
    var siblings: [String]
  }

  /// `PROGRAM... --server ROLE [--seed PATH]... [--sibling PATH]... -- PATH`, and nothing else. A
  /// connection that joins a run gives its name in place of a path, and no seed.
  private static func request(
    _ words: [String], _ command: String
  ) throws(CommandError) -> Request {
    guard
      let start = words.firstIndex(of: "--server"),
      let program = words[..<start].last, isOurName(program),
      let arguments = try? ArgumentParser.parse(Array(words[start...])),
      arguments.subcommand == .server, let role = arguments.serverRole,
      role != .relay, words.contains("--"), arguments.operands.count == 1,
      let path = arguments.operands.first, !path.isEmpty,
      role != .join
        || (Invitation.isName(path) && arguments.seeds.isEmpty && arguments.siblings.isEmpty)
    else {
      throw refusal("this key is for \(Program.name) only, not for '\(shortened(command))'")
    }
    return Request(
      role: role, path: path, seeds: arguments.seeds, siblings: arguments.siblings)
  }

  /// Whatever stands before it (`sudo -n`, `env`), the program must be ours by its name.
  private static func isOurName(_ program: String) -> Bool {
    program.split(separator: "/").last?.hasPrefix(Program.name) == true
  }

  private static func shortened(_ command: String) -> String {
    command.count <= 80 ? command : "\(command.prefix(77))..."
  }

  private static func refusal(_ sentence: String, hint: String? = nil) -> CommandError {
    CommandError(sentence, hint: hint, status: .refused)
  }
}
