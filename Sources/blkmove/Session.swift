// SPDX-License-Identifier: Apache-2.0

import Glibc
import Live
import Storage
import Transfer

/// One call of the command, from the words on its line to the status it exits with.
///
/// It relies on nothing global: the console, the environment and the engine are given to it,
/// so that tests run it whole.
struct Session {
  let console: Console
  let environment: [String: String]
  var engine = Engine.transfer
  /// Called once before a run, to start what looks after it.
  var attend: (Reporter, TerminalProgress) -> Void = { _, _ in }

  /// - Parameter unreadable: the position of a word that is not UTF-8. Taken as it looks, it would
  ///   name another file.
  func run(_ words: [String], unreadable: Int? = nil) -> ExitStatus {
    if let unreadable {
      let error = UsageError(
        "argument \(unreadable) is not valid UTF-8",
        hint: "name the image through a link or a directory that is")
      return fail(CommandError(error), isJSON: ArgumentParser.asksForJSON(words))
    }
    let arguments: Arguments
    do {
      arguments = try ArgumentParser.parse(words)
    } catch {
      return fail(CommandError(error), isJSON: ArgumentParser.asksForJSON(words))
    }
    do {
      return try perform(Invocation(arguments, environment: environment), arguments)
    } catch {
      return fail(error, isJSON: arguments.isJSON, operation: arguments.subcommand)
    }
  }

  private func perform(
    _ invocation: Invocation, _ arguments: Arguments
  ) throws(CommandError) -> ExitStatus {
    switch invocation.task {
    case .help(let subcommand): return show(Help.text(for: subcommand))
    case .version: return show("\(Program.name) \(Program.version)\n")
    case .generate(let file): return show(file.text)
    case .guardian(let process): return guardian(of: process)
    case .cutover(let process): return try cutover(process)
    case .server(let role, let path, let seeds, let siblings):
      return engine.serve(Server(role: role, path: path, seeds: seeds, siblings: siblings))
    case .join(let name): return try join(name)
    case .relay(let path): return RelayServer.serve(path)
    case .serve(let restriction):
      let command = environment[ServeRestriction.commandVariable]
      switch try restriction.answer(to: command) {
      case .serve(let server): return engine.serve(server)
      case .join(let name): return try join(name)
      case .refuse(let error): return engine.refuse(error)
      }
    case .pipeline(let task):
      try StandardStreams.check(task, on: console)
      return try run(invocation, arguments)
    case .copy, .live, .verify, .digest, .status: return try run(invocation, arguments)
    }
  }

  /// Tells a live copy of this machine that it is time.
  private func cutover(_ process: Int32?) throws(CommandError) -> ExitStatus {
    let entries = LiveRegistry.entries()
    var process = process
    if process == nil {
      guard entries.count == 1 else {
        let list = entries.map { "\($0.process): \($0.description)" }
        throw CommandError(
          entries.isEmpty
            ? "no live copy is under way that this account knows of"
            : "several live copies are under way: \(list.joined(separator: ", "))",
          hint: entries.isEmpty ? nil : "name the process of one", status: .failed)
      }
      process = entries[0].process
    }
    guard LiveRegistry.requestCutover(process!) else {
      throw CommandError("process \(process!) is no live copy", status: .failed)
    }
    return .done
  }

  /// It outlives the run that it watches over, and speaks where that one spoke.
  private func guardian(of process: Int32) -> ExitStatus {
    var guardian = Guardian(parent: process) { line in
      console.warn(["\(Program.name): guardian: \(line)"])
    }
    return guardian.run() ? .done : .failed
  }

  private func join(_ name: String) throws(CommandError) -> ExitStatus {
    do throws(TransferError) {
      try engine.join(name)
      return .done
    } catch {
      throw CommandError(error)
    }
  }

  private func run(
    _ invocation: Invocation, _ arguments: Arguments
  ) throws(CommandError) -> ExitStatus {
    let reporter = Reporter(
      arguments, operation: arguments.subcommand, settings: invocation.settings,
      console: StandardStreams.console(for: invocation.task, console))
    if let path = arguments.logFile { reporter.log(to: try LogFile.open(path)) }
    let progress = TerminalProgress(channel: try channel(arguments), reporter: reporter)
    attend(reporter, progress)
    let runner = TaskRunner(
      settings: invocation.settings, reporter: reporter, progress: progress, engine: engine)
    let status = runner.run(invocation.task)
    // After an interruption the other thread has the last word, and exits.
    guard reporter.finish(status) else { while true { pause() } }
    let isTextTheResult =
      arguments.isJSON || [.digest, .status].contains(arguments.subcommand)
    return isTextTheResult ? checkOutput(status) : status
  }

  /// Where progress goes: to a terminal by itself, elsewhere when it is asked for.
  private func channel(_ arguments: Arguments) throws(CommandError) -> TerminalProgress.Channel {
    let canRedraw = console.errors.isTerminal && environment["TERM"].map { $0 != "dumb" } == true
    switch arguments.progress {
    case .off: return .none
    case .automatic:
      return canRedraw && !arguments.isQuiet && !arguments.isJSON ? .redrawn : .none
    case .on: return canRedraw ? .redrawn : .lines(console.errors)
    case .descriptor(let number):
      let mode = fcntl(number, F_GETFL)
      guard mode >= 0, mode & O_ACCMODE != O_RDONLY else {
        throw CommandError(
          UsageError("option '--progress': descriptor \(number) is not open for writing"))
      }
      return .lines(TextOutput(descriptor: number))
    }
  }

  private func show(_ text: String) -> ExitStatus {
    console.write(text)
    return checkOutput(.done)
  }

  /// What was asked for and could not be written is not done.
  private func checkOutput(_ status: ExitStatus) -> ExitStatus {
    guard let error = console.outputError, status == .done else { return status }
    // A reader who has left has read enough, and wants no sentence.
    if error != EPIPE {
      let text = SystemError(number: error).text
      console.warn(CommandError("standard output: write: \(text)", status: .failed).lines)
    }
    return .failed
  }

  /// An end before the beginning: the one error, and in JSON the one result.
  private func fail(
    _ error: CommandError, isJSON: Bool, operation: Subcommand? = nil
  ) -> ExitStatus {
    var arguments = Arguments()
    arguments.isJSON = isJSON
    let reporter = Reporter(arguments, operation: operation, console: console)
    reporter.error(error)
    reporter.finish(error.status)
    return error.status
  }
}
