// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
package import Transfer

/// A program that is run to its end, with a limit to its time.
///
/// It gets a process group of its own, an empty standard input, and one pipe for both of its
/// outputs. When the time is over the whole group is ended. What it leaves running in the
/// background is not waited for, and cannot write to the pipe any more.
package struct ChildCommand: Sendable {
  package var words: [String]
  /// What is added to our own environment, or replaces some of it.
  package var environment: [String: String]
  package var timeoutSeconds: Double

  package init(
    _ words: [String], environment: [String: String] = [:], timeoutSeconds: Double
  ) {
    precondition(!words.isEmpty, "the first word is the program")
    self.words = words
    self.environment = environment
    self.timeoutSeconds = timeoutSeconds
  }

  package enum Ending: Equatable, Sendable {
    case status(Int32)
    case signal(Int32)
    /// It took too long. `isGone`: it is dead; else the kernel did not let go of it.
    case late(isGone: Bool)
    /// It was not started, or nobody can say how it ended.
    case unknown(String)
  }

  /// How long a group that was asked to end is waited for before it is killed, and then again.
  static let graceSeconds = 1.0
  static let longestLineByteCount = 4096

  /// - Parameters:
  ///   - started: is told the process, which is its group too, before the program itself begins.
  ///     If it throws, or if we die before, the program is never run.
  ///   - line: gets what the program says, line by line.
  package func run(
    started: ((Int32) throws(TransferError) -> Void)? = nil, line: (String) -> Void
  ) throws(TransferError) -> Ending {
    let child: Spawned
    switch Spawned.start(self, isGated: started != nil) {
    case .success(let made): child = made
    case .failure(let failure): return .unknown(failure.sentence)
    }
    var lines = LineSplitter(maximumByteCount: Self.longestLineByteCount)
    defer {
      lines.finish(line)
      child.close()
    }
    if let started {
      do throws(TransferError) {
        try started(child.process)
      } catch {
        child.signalGroup(SIGKILL)
        _ = child.wait(seconds: Self.graceSeconds) { _ in }
        _ = child.reap()
        throw error
      }
      child.openGate()
    }
    if child.wait(seconds: timeoutSeconds, { lines.take($0, line) }) { return child.reap() }
    for signal in [SIGTERM, SIGKILL] {
      child.signalGroup(signal)
      if child.wait(seconds: Self.graceSeconds, { lines.take($0, line) }) {
        // What is left of the group; the number is ours until the process is reaped.
        child.signalGroup(SIGKILL)
        _ = child.reap()
        return .late(isGone: true)
      }
    }
    return .late(isGone: false)
  }
}

extension ChildCommand.Ending {
  /// Nil when it succeeded.
  package var failure: String? {
    switch self {
    case .status(0): nil
    case .status(let status): "it ended with status \(status)"
    case .signal(let signal): "it was ended by signal \(signal) (\(Self.name(of: signal)))"
    case .late(isGone: true): "it took too long and was killed"
    case .late(isGone: false): "it took too long and does not even end when it is killed"
    case .unknown(let sentence): sentence
    }
  }

  private static func name(of signal: Int32) -> String {
    guard let name = unsafe strsignal(signal) else { return "unknown" }
    return unsafe String(cString: name)
  }
}
