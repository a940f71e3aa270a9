// SPDX-License-Identifier: Apache-2.0

import Glibc
import Transfer

/// Takes the words of the command line and the environment from the system, runs the session,
/// and exits with its status.
@main
enum Main {
  nonisolated static func main() {
    // What cannot be written to is an error of the one who writes.
    signal(SIGPIPE, SIG_IGN)
    // How the programs that are run here end must be told, whatever our parent ignores.
    signal(SIGCHLD, SIG_DFL)
    let session = Session(console: Console(), environment: environment()) { reporter, progress in
      // No thread has been started yet: all of them will have the signals blocked.
      let signals = Signals.block()
      Attendant(signals: signals, reporter: reporter, progress: progress).start()
    }
    let (words, unreadable) = words()
    exit(Int32(session.run(words, unreadable: unreadable).rawValue))
  }

  /// The arguments, and the position of the first that is not UTF-8.
  private nonisolated static func words() -> (words: [String], unreadable: Int?) {
    var words: [String] = []
    var unreadable: Int?
    for position in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = unsafe CommandLine.unsafeArgv[position] else { break }
      let word = unsafe String(validatingCString: argument)
      if word == nil, unreadable == nil { unreadable = position }
      words.append(word ?? "?")
    }
    return (words, unreadable)
  }

  private nonisolated static func environment() -> [String: String] {
    let names = ["BLKMOVE_RSH", "RSYNC_RSH", "TERM", ServeRestriction.commandVariable]
    var environment: [String: String] = [:]
    for name in names {
      if let value = unsafe getenv(name) { environment[name] = unsafe String(cString: value) }
    }
    return environment
  }
}
