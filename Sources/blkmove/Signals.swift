// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The signals that a run answers. They are blocked in every thread and taken by
/// one that waits for them, so that nothing ever runs inside a signal handler.
struct Signals: Sendable {
  enum Received: Equatable, Sendable {
    case interrupt(Int32)
    case status
    /// A live copy may pause its writer.
    case cutover
    case nothing
  }

  private static let interrupting = [SIGINT, SIGTERM, SIGHUP]

  /// What is waited for: not the ones that our parent has told us to ignore (nohup, a
  /// shell's background).
  private let awaited: [Int32]

  /// To be called before the first thread starts: threads inherit what is blocked.
  static func block() -> Signals {
    let signals = Signals(awaited: interrupting.filter { !isIgnored($0) } + [SIGUSR1, SIGUSR2])
    var set = signals.set
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    return signals
  }

  /// Waits for one of them, but not longer than this.
  func next(within seconds: Double) -> Received {
    var set = set
    var limit = timespec(
      tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9))
    let number = unsafe sigtimedwait(&set, nil, &limit)
    if number == SIGUSR1 { return .status }
    if number == SIGUSR2 { return .cutover }
    return Self.interrupting.contains(number) ? .interrupt(number) : .nothing
  }

  /// From now on they end the process at once: for the second Ctrl-C of somebody who
  /// does not want to wait.
  func restoreDefaults() {
    var set = set
    for number in Self.interrupting where awaited.contains(number) { signal(number, SIG_DFL) }
    unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  private var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in awaited { unsafe sigaddset(&set, number) }
    return set
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    unsafe sigaction(number, nil, &action)
    let handler = unsafe action.__sigaction_handler.sa_handler
    return unsafe unsafeBitCast(handler, to: Int.self) == 1
  }
}
