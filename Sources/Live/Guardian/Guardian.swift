// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Transfer

/// The guardian process: it waits for the run that started it to end, or to fall silent, and
/// undoes what the run would have undone.
///
/// What is to be undone comes over a pipe, before it is done. The end of the pipe, or of the
/// process that started it, without a word that all is well means that the run is dead. A run that
/// keeps somebody waiting gives itself a limit; when that is over it is killed first, since a
/// machine serves one client only, and so that it cannot go on later. A command of the user's
/// that still runs is ended before its effect is undone.
///
/// It has a session of its own and ignores the signals that people and terminals send.
package struct Guardian {
  private let parent: Int32
  private let say: (String) -> Void
  private let parentEnd: Int32
  private var parser = GuardianParser()
  private var undo = Undo()
  /// The commands of the user's that run, with a descriptor each.
  private var groups: [Int32: Int32] = [:]
  private var deadline: Double?
  private var budgetMilliseconds: UInt32 = 0

  /// A run may have been stopped together with us, and be about to speak.
  private static let graceSeconds = 0.05
  /// How long somebody who was killed is waited for.
  private static let deathSeconds = 5.0

  /// - Parameters:
  ///   - parent: the process that has started us; it speaks on standard input and is answered on
  ///     standard output.
  ///   - say: shows a line to people.
  package init(parent: Int32, say: @escaping (String) -> Void) {
    self.parent = parent
    self.say = say
    let descriptor = linux_process_descriptor(parent)
    // After its death the number may be another's.
    parentEnd = getppid() == parent ? descriptor : -1
  }

  /// Whether everything is as it should be.
  package mutating func run() -> Bool {
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP] {
      Glibc.signal(signal, SIG_IGN)
    }
    setsid()
    _ = fcntl(0, F_SETFL, O_NONBLOCK)
    answer()
    while true {
      let isOver = !listen(until: deadline)
      if isOver { break }
      if let deadline, Clock.now >= deadline, !listenOnceMore() {
        endParent()
        break
      }
    }
    if undo.isEmpty { return true }
    endGroups()
    return undoAll()
  }

  /// Waits for what comes, but no longer than this; false when the run has ended.
  private mutating func listen(until deadline: Double?) -> Bool {
    var events = [pollfd(fd: 0, events: Int16(POLLIN), revents: 0)]
    if parentEnd >= 0 { events.append(pollfd(fd: parentEnd, events: Int16(POLLIN), revents: 0)) }
    let rest = deadline.map { max(0, $0 - Clock.now) } ?? 3600
    _ = unsafe poll(&events, nfds_t(events.count), Int32((min(rest, 3600) * 1000).rounded(.up)))
    // What it said before its end still counts.
    let isOpen = events[0].revents == 0 || take()
    return isOpen && !(events.count > 1 && events[1].revents != 0 && !takeAll())
  }

  private mutating func listenOnceMore() -> Bool {
    _ = listen(until: Clock.now + Self.graceSeconds)
    return deadline.map { Clock.now < $0 } ?? true
  }

  /// Reads what is there after the death of the run; always false.
  private mutating func takeAll() -> Bool {
    var event = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
    while unsafe poll(&event, 1, 0) > 0, take() {}
    return false
  }

  /// Reads once; false at the end.
  private mutating func take() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = unsafe read(0, &chunk, chunk.count)
    if count < 0 { return errno == EINTR || errno == EAGAIN }
    if count == 0 { return false }
    parser.take(chunk[..<count])
    while case .message(let message) = parser.next() {
      obey(message)
      if message.isAnswered { answer() }
    }
    return true
  }

  private mutating func obey(_ message: GuardianMessage) {
    switch message {
    case .put(let step): undo.put(step)
    case .remove(let name): undo.remove(name)
    case .begin(let process): groups[process] = linux_process_descriptor(process)
    case .end(let process): if let end = groups.removeValue(forKey: process) { close(end) }
    case .budget(let milliseconds):
      budgetMilliseconds = milliseconds
      deadline = milliseconds == 0 ? nil : Clock.now + Double(milliseconds) / 1000
    case .disarm:
      undo.removeAll()
      deadline = nil
    }
  }

  /// Says that all so far was heard. Nobody may listen any more.
  private func answer() {
    var mark = UInt8(ascii: ".")
    _ = unsafe write(1, &mark, 1)
  }

  // MARK: When the run is over

  private func endParent() {
    say("nothing was heard of the move for \(budgetMilliseconds) ms; ending it")
    if parentEnd < 0 { return }
    _ = linux_process_signal(parentEnd, SIGKILL)
    Self.awaitEnd(parentEnd)
  }

  private mutating func endGroups() {
    for (process, end) in groups where end >= 0 {
      var event = pollfd(fd: end, events: Int16(POLLIN), revents: 0)
      if unsafe poll(&event, 1, 0) == 0 {
        kill(-process, SIGKILL)
        Self.awaitEnd(end)
      }
      close(end)
    }
    groups = [:]
  }

  private static func awaitEnd(_ descriptor: Int32) {
    var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let deadline = Clock.now + deathSeconds
    while true {
      let rest = deadline - Clock.now
      if rest <= 0 { return }
      let ready = unsafe poll(&event, 1, Int32((rest * 1000).rounded(.up)))
      if ready > 0 || (ready < 0 && errno != EINTR) { return }
    }
  }

  private mutating func undoAll() -> Bool {
    say("the move has ended without its end; undoing what it did")
    let say = say
    let start = Clock.now
    var failures = UndoPerformer(say: say).perform(&undo) { say("undone: \($0.name)") }
    if undo.isEmpty { return true }
    let isGone = Self.sayNobodyListens(failures)
    say("going on to try for \(isGone ? "a minute" : "an hour"), as process \(getpid())")
    leaveStandardError()
    while !undo.isEmpty {
      let isGone = Self.sayNobodyListens(failures)
      let persistence = isGone ? Self.goneSeconds : Self.persistenceSeconds
      if Clock.now - start > persistence { return false }
      Clock.sleep(seconds: Self.retrySeconds)
      // Why it does not work was said.
      failures = UndoPerformer(say: { _ in }).perform(&undo)
    }
    return true
  }

  /// The machine has most likely ended, and everything that was to be undone with it; but somebody
  /// in between may begin to listen again.
  private static func sayNobodyListens(_ failures: [String]) -> Bool {
    failures.allSatisfy { $0.contains("Connection refused") || $0.contains("No such file") }
  }

  /// Whoever reads what the run has said waits for its end.
  private func leaveStandardError() {
    let nowhere = unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)
    guard nowhere >= 0 else { return }
    dup2(nowhere, 2)
    close(nowhere)
  }

  /// A machine that cannot be reached now may be reached later, and stands still until then.
  private static let persistenceSeconds = 3600.0
  private static let goneSeconds = 60.0
  private static let retrySeconds = 2.0
}
