// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
package import Transfer

/// The run's side of its guardian: every change of what is to be undone goes to the guardian
/// before the thing itself is done, and the run goes on when the guardian has heard it.
///
/// How a run uses it: `put` a step, do the thing; undo the thing, `remove` the step. While it keeps
/// somebody waiting, `beat` again and again, and `rest` when that is over. When it fails it says
/// `undoAll`, in every case `finish` at its end. Whoever undoes needs the machine's socket for
/// itself: the run closes its own connection first.
///
/// ## Concurrency
/// `state` is behind its lock, which is held during an exchange with the guardian: any thread may
/// call anything.
package final class GuardianProcess: Sendable {
  private struct State {
    var undo = Undo()
    var isFinished = false
  }

  private let state = Monitor(State())
  let process: pid_t
  private let words: Int32
  private let answers: Int32

  private static let farewellSeconds = 1.0
  /// A guardian that does not answer is none.
  private static let answerSeconds = 10.0

  /// - Parameters:
  ///   - program: this program, started anew; another one only in tests.
  ///   - subject: what is guarded, so that another run of the same knows of it.
  package static func start(
    program: String = "/proc/self/exe", of subject: String = ""
  ) throws(TransferError) -> GuardianProcess {
    var words: [Int32] = [-1, -1]
    var answers: [Int32] = [-1, -1]
    guard unsafe linux_pipe(&words) == 0 else { throw error("pipe", errno) }
    guard unsafe linux_pipe(&answers) == 0 else {
      let failure = error("pipe", errno)
      for descriptor in words { close(descriptor) }
      throw failure
    }
    var process = pid_t()
    let status = spawn(
      &process, [program, "--guardian", "\(getpid())"], of: subject, input: words[0],
      output: answers[1])
    for descriptor in [words[0], answers[1]] { close(descriptor) }
    guard status == 0 else {
      for descriptor in [words[1], answers[0]] { close(descriptor) }
      throw error("cannot start", status)
    }
    let guardian = GuardianProcess(process, words: words[1], answers: answers[0])
    try guardian.hear()
    return guardian
  }

  private init(_ process: pid_t, words: Int32, answers: Int32) {
    self.process = process
    self.words = words
    self.answers = answers
  }

  private static func spawn(
    _ process: inout pid_t, _ arguments: [String], of subject: String, input: Int32,
    output: Int32
  ) -> Int32 {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var blocked = sigset_t()
    unsafe sigemptyset(&blocked)
    unsafe posix_spawnattr_setsigmask(&attributes, &blocked)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var words: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) } + [nil]
    var variables = unsafe environment(with: "\(LingeringGuardian.variable)=\(subject)")
    defer {
      unsafe words.forEach { unsafe free($0) }
      unsafe variables.forEach { unsafe free($0) }
    }
    return unsafe posix_spawn(&process, words[0]!, &actions, &attributes, &words, &variables)
  }

  /// Ours and one more; every entry is to be freed.
  private static func environment(with entry: String) -> [UnsafeMutablePointer<CChar>?] {
    var result: [UnsafeMutablePointer<CChar>?] = unsafe []
    var index = 0
    while let known = unsafe environ[index] {
      unsafe result.append(strdup(known))
      index += 1
    }
    unsafe result.append(strdup(entry))
    return unsafe result + [nil]
  }

  private static func error(_ what: String, _ number: Int32) -> TransferError {
    error(unsafe "\(what): \(String(cString: strerror(number)))")
  }

  private static func error(_ sentence: String) -> TransferError {
    TransferError(.source, "the guardian: \(sentence)", status: .failed)
  }

  // MARK: What is to be undone

  /// What is to be undone as of now.
  package var undo: Undo { state.peek { $0.undo } }

  /// Before the thing is done.
  package func put(_ step: UndoStep) throws(TransferError) {
    try change(.put(step)) { $0.put(step) }
  }

  /// When it has been undone, or must not be undone any more.
  package func remove(_ name: String) throws(TransferError) {
    try change(.remove(name)) { $0.remove(name) }
  }

  private func change(
    _ message: GuardianMessage, _ body: (inout Undo) -> Void
  ) throws(TransferError) {
    let result: Result<Void, TransferError> = state.update { state in
      // It is ours to undo, whether or not the guardian has heard of it.
      if case .put = message { body(&state.undo) }
      let told = tell(message)
      if case .success = told { body(&state.undo) }
      return told
    }
    try result.get()
  }

  // MARK: While somebody waits

  /// Promises to be heard again within this time. It costs a write to a pipe.
  package func beat(budgetSeconds: Double) throws(TransferError) {
    let milliseconds = UInt32(min(max(budgetSeconds * 1000, 1), 3_600_000))
    try state.update { _ in tell(.budget(milliseconds: milliseconds)) }.get()
  }

  /// Nobody waits any more.
  package func rest() throws(TransferError) {
    try state.update { _ in tell(.budget(milliseconds: 0)) }.get()
  }

  /// Runs a command of the user's, which is ended with us if we end.
  package func run(_ hook: Hook, announce: @escaping Announce) throws(TransferError) {
    var known: Int32?
    defer { if let known { _ = state.update { _ in tell(.end(process: known)) } } }
    try hook.run(announce: announce) { process throws(TransferError) in
      try self.state.update { _ in self.tell(.begin(process: process)) }.get()
      known = process
    }
  }

  // MARK: The end

  /// Undoes all of it, here and now. What cannot be undone is told, and left to the guardian.
  /// - Returns: whether nothing is left.
  @discardableResult
  package func undoAll(announce: @escaping Announce) -> Bool {
    var undo = undo
    _ = state.update { _ in tell(.budget(milliseconds: 0)) }
    let performer = UndoPerformer { announce(.note($0)) }
    performer.perform(&undo) { step in
      // The guardian may be gone; then nobody would do it twice.
      state.update { state in
        state.undo.remove(step.name)
        _ = tell(.remove(step.name))
      }
    }
    return undo.isEmpty
  }

  /// Ends the guardian. What is still to be undone, it undoes now.
  package func finish() {
    let isFirst = state.update { state in
      defer { state.isFinished = true }
      if state.isFinished { return false }
      if state.undo.isEmpty { _ = tell(.disarm) }
      close(words)
      return true
    }
    guard isFirst else { return }
    // What resists it goes on with alone: it has a session of its own.
    let deadline = Clock.now + Self.farewellSeconds
    var status: Int32 = 0
    while unsafe waitpid(process, &status, WNOHANG) == 0 && Clock.now < deadline {
      Clock.sleep(seconds: 0.002)
    }
    close(answers)
  }

  /// Whoever forgets to finish it has not done what he began.
  deinit { finish() }

  // MARK: The pipe

  /// Called with the lock held.
  private func tell(_ message: GuardianMessage) -> Result<Void, TransferError> {
    guard let bytes = message.encoded else { return .failure(Self.error("too much to undo")) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe write(words, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { return .failure(Self.error("it is gone")) }
      rest = rest.dropFirst(count)
    }
    if !message.isAnswered { return .success(()) }
    do throws(TransferError) {
      try hear()
      return .success(())
    } catch { return .failure(error) }
  }

  private func hear() throws(TransferError) {
    let deadline = Clock.now + Self.answerSeconds
    while true {
      var event = pollfd(fd: answers, events: Int16(POLLIN), revents: 0)
      let rest = max(0, deadline - Clock.now)
      let ready = unsafe poll(&event, 1, Int32((rest * 1000).rounded(.up)))
      if ready < 0 && errno == EINTR { continue }
      if ready <= 0 { throw Self.error("it does not answer") }
      var mark: UInt8 = 0
      let count = unsafe read(answers, &mark, 1)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { throw Self.error("it is gone") }
      return
    }
  }
}
