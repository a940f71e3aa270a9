// SPDX-License-Identifier: Apache-2.0

/// How a live move is to go: what the user wanted, with every option resolved.
package struct LiveSettings: Equatable, Sendable {
  package enum Throttle: Equatable, Sendable {
    /// Slows the writer down when the rounds do not get shorter.
    case automatic
    case off
    /// So many writes a second from the first round on.
    case writesPerSecond(Int)
  }

  package enum Cutover: String, CaseIterable, Sendable {
    case auto
    /// Only after the user has said so.
    case manual
  }

  /// What becomes of the writer when the target is complete.
  package enum After: String, CaseIterable, Sendable {
    case resume, stop, quit
  }

  package enum Swap: String, CaseIterable, Sendable {
    case late, include
  }

  /// `--max-pause`
  package var maximumPauseSeconds = 3.0
  /// `--max-rounds`
  package var maximumRoundCount = 30
  package var throttle = Throttle.automatic
  package var cutover = Cutover.auto
  package var after = After.resume
  package var swap = Swap.include
  package var switchCommand: String?
  /// `--with-memory`: the monitor socket of the machine at the target that waits for the memory.
  package var memorySocket: String?
  /// `--incoming-cmd`
  package var incomingCommand: String?
  package var pauseCommand: String?
  package var resumeCommand: String?
  package var hookTimeoutSeconds = Hook.defaultTimeoutSeconds

  package init() {}
}
