// SPDX-License-Identifier: Apache-2.0

package import Transfer

/// A command of the user's that is part of a live move: `--pause-cmd`, `--resume-cmd`,
/// `--switch-cmd`.
///
/// It is one text that `/bin/sh -c` runs, with its variables in the environment
/// (`BLKMOVE_HOOK` and what the caller adds) and never put into the text. Its output is shown as
/// it comes. It succeeds when it ends with status 0 in time; everything else is an error, and the
/// one who called it must take for possible that it did what it was to do: a freeze that took too
/// long may still happen, so a failed pause is followed by a resume.
package struct Hook: Equatable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    case pause, resume, `switch`, incoming

    /// The option that it is given with.
    package var option: String { "--\(rawValue)-cmd" }
  }

  package var kind: Kind
  package var command: String
  /// The names begin with BLKMOVE_; they say which move this is.
  package var environment: [String: String]
  package var timeoutSeconds: Double

  /// Long enough for a file system that has much to write before it is frozen.
  package static let defaultTimeoutSeconds = 30.0

  package init(
    _ kind: Kind, _ command: String, environment: [String: String] = [:],
    timeoutSeconds: Double = defaultTimeoutSeconds
  ) {
    self.kind = kind
    self.command = command
    self.environment = environment
    self.timeoutSeconds = timeoutSeconds
  }

  /// What is run for it, here or by the guardian.
  package var childCommand: ChildCommand {
    ChildCommand(
      ["/bin/sh", "-c", command],
      environment: environment.merging(["BLKMOVE_HOOK": kind.rawValue]) { $1 },
      timeoutSeconds: timeoutSeconds)
  }

  /// - Parameter started: is told the process group before the command begins; if it throws, the
  ///   command is not run.
  package func run(
    announce: @escaping Announce, started: ((Int32) throws(TransferError) -> Void)? = nil
  ) throws(TransferError) {
    var lastLine: String?
    let ending = try childCommand.run(started: started) { line in
      lastLine = line
      announce(.remoteLine(host: kind.option, line: line))
    }
    guard let failure = ending.failure else { return }
    var sentence = "\(kind.option) '\(command)': \(failure)"
    if case .late = ending {
      sentence += " after \(Self.shown(timeoutSeconds)) s"
    } else if let lastLine {
      sentence += ": \(lastLine)"
    }
    throw TransferError(.source, sentence, status: .failed)
  }

  private static func shown(_ seconds: Double) -> String {
    seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
  }
}
