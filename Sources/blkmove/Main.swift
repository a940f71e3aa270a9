// SPDX-License-Identifier: Apache-2.0

import Glibc
import Transfer

/// Reads the command line, runs what it asks for, says how it went, and exits.
@main
enum Main {
  static func main() {
    signal(SIGPIPE, SIG_IGN)
    let status = run(Array(CommandLine.arguments.dropFirst()))
    exit(Int32(status.rawValue))
  }

  nonisolated static func run(_ words: [String]) -> ExitStatus {
    do {
      let arguments = try ArgumentParser.parse(words)
      let invocation = try Invocation(
        arguments,
        environment: [
          "BLKMOVE_RSH": environment("BLKMOVE_RSH"), "RSYNC_RSH": environment("RSYNC_RSH"),
        ])
      return try perform(invocation)
    } catch let error as UsageError {
      return report(Failure(error))
    } catch let error as TransferError {
      return report(Failure(error))
    } catch let failure as Failure {
      return report(failure)
    } catch {
      return report(Failure("\(error)", status: .failed))
    }
  }

  nonisolated static func environment(_ name: String) -> String {
    unsafe getenv(name).map { unsafe String(cString: $0) } ?? ""
  }

  nonisolated static func perform(_ invocation: Invocation) throws -> ExitStatus {
    let counters = Counters()
    let run = Run(settings: invocation.settings, counters: counters)
    switch invocation.task {
    case .copy(let sources, let target):
      for source in sources {
        let report = try run.copy(source, to: target)
        let figures = report.counters
        print(
          "sent \(ByteText.exact(figures.wireSent)) bytes  "
            + "received \(ByteText.exact(figures.wireReceived)) bytes")
        print(
          "equal \(ByteText.human(figures.equal))  zero \(ByteText.human(figures.zero))  "
            + "found \(ByteText.human(figures.found))  sent \(ByteText.human(figures.sent))")
      }
    case .verify(let source, let target):
      return try run.verify(source, against: target).isEqual ? .done : .differ
    case .digest(let images):
      for image in images { print(try run.digest(of: image), image.displayed) }
    case .serve: return .refused
    case .server(let role, let path, let seeds):
      return Server(role: role, path: path, seeds: seeds).serve()
    case .generate(let file): print(file.text, terminator: "")
    case .help(let subcommand): print(Help.text(for: subcommand), terminator: "")
    case .version: print("\(Program.name) \(Program.version)")
    }
    return .done
  }

  nonisolated static func report(_ failure: Failure) -> ExitStatus {
    var text = "\(Program.name): \(failure.displayed)\n"
    if let hint = failure.hint { text += "hint: \(hint)\n" }
    _ = TextOutput.standardError.write(text)
    return failure.status
  }
}
