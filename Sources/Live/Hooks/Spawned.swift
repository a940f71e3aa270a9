// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Transfer

/// A child process that was just started, and what we hold of it: for `ChildCommand`.
struct Spawned {
  let process: pid_t
  /// Readable when the process has ended.
  private let ended: Int32
  private let output: Int32
  /// The writing end of its standard input while it waits to be let go; else -1.
  private let gate: Int32

  struct Failure: Error { var sentence: String }

  /// Waits for a line before it becomes the program: if we die first, the program never runs.
  private static let gateKeeper = [
    "/bin/sh", "-c", "read -r go || exit 125; exec \"$@\" </dev/null", "sh",
  ]

  static func start(_ command: ChildCommand, isGated: Bool) -> Result<Spawned, Failure> {
    var output: [Int32] = [-1, -1]
    var input: [Int32] = [-1, -1]
    guard unsafe linux_pipe(&output) == 0 else { return .failure(Failure("pipe", errno)) }
    guard unsafe !isGated || linux_pipe(&input) == 0 else {
      let failure = Failure("pipe", errno)
      for descriptor in output { Glibc.close(descriptor) }
      return .failure(failure)
    }
    var process = pid_t()
    let words = (isGated ? gateKeeper : []) + command.words
    let status = spawn(
      &process, words, environment(adding: command.environment), input: input[0],
      output: output[1])
    for descriptor in [output[1], input[0]] where descriptor >= 0 { Glibc.close(descriptor) }
    guard status == 0 else {
      for descriptor in [output[0], input[1]] where descriptor >= 0 { Glibc.close(descriptor) }
      return .failure(Failure("cannot start \(words[0])", status))
    }
    let ended = linux_process_descriptor(process)
    if ended < 0 {
      let failure = Failure("pidfd_open", errno)
      kill(-process, SIGKILL)
      for descriptor in [output[0], input[1]] where descriptor >= 0 { Glibc.close(descriptor) }
      return .failure(failure)
    }
    _ = fcntl(output[0], F_SETFL, O_NONBLOCK)
    return .success(
      Spawned(process: process, ended: ended, output: output[0], gate: input[1]))
  }

  private static func environment(adding variables: [String: String]) -> [String] {
    var result: [String] = []
    var position = 0
    while let entry = unsafe environ[position] {
      let text = unsafe String(cString: entry)
      position += 1
      if variables[String(text.prefix { $0 != "=" })] == nil { result.append(text) }
    }
    return result + variables.map { "\($0.key)=\($0.value)" }.sorted()
  }

  private static func spawn(
    _ process: inout pid_t, _ words: [String], _ environment: [String], input: Int32,
    output: Int32
  ) -> Int32 {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    if input >= 0 {
      unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 2)

    // The child must not inherit that we ignore SIGPIPE and keep signals for a thread.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    unsafe sigemptyset(&defaults)
    unsafe sigaddset(&defaults, SIGPIPE)
    unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
    var blocked = sigset_t()
    unsafe sigemptyset(&blocked)
    unsafe posix_spawnattr_setsigmask(&attributes, &blocked)
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))

    var words: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] =
      unsafe environment.map { unsafe strdup($0) } + [nil]
    defer {
      unsafe words.forEach { unsafe free($0) }
      unsafe variables.forEach { unsafe free($0) }
    }
    return unsafe posix_spawnp(&process, words[0]!, &actions, &attributes, &words, &variables)
  }

  func openGate() {
    var end = UInt8(ascii: "\n")
    _ = unsafe write(gate, &end, 1)
  }

  /// Hands on its output until it has ended, or the time is over (false).
  func wait(seconds: Double, _ bytes: (ArraySlice<UInt8>) -> Void) -> Bool {
    let deadline = Clock.now + seconds
    var isOpen = true
    while true {
      var events = [pollfd(fd: ended, events: Int16(POLLIN), revents: 0)]
      if isOpen { events.append(pollfd(fd: output, events: Int16(POLLIN), revents: 0)) }
      let rest = min(max(0, deadline - Clock.now), 3600)
      let count = unsafe poll(&events, nfds_t(events.count), Int32((rest * 1000).rounded(.up)))
      if isOpen && events.last!.revents != 0 { isOpen = drain(bytes) }
      if events[0].revents != 0 {
        if isOpen { _ = drain(bytes) }
        return true
      }
      if count == 0 && Clock.now >= deadline { return false }
    }
  }

  /// What is there; false when no more can come. Bounded, so that somebody who never stops
  /// talking cannot keep us from looking at the time.
  private func drain(_ bytes: (ArraySlice<UInt8>) -> Void) -> Bool {
    var chunk = [UInt8](repeating: 0, count: 4096)
    for _ in 0..<Self.drainCount {
      let count = unsafe read(output, &chunk, chunk.count)
      if count == 0 { return false }
      if count < 0 { return errno == EAGAIN || errno == EINTR }
      bytes(chunk[..<count])
    }
    return true
  }

  /// Chunks that are read at once: more than a pipe holds.
  private static let drainCount = 32

  func signalGroup(_ signal: Int32) { kill(-process, signal) }

  /// Takes the status of a process that has ended.
  func reap() -> ChildCommand.Ending {
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) == -1 {
      // Whoever started us may ignore SIGCHLD; then nobody is told, and that is no success.
      if errno != EINTR { return .unknown(Failure("cannot learn how it ended", errno).sentence) }
    }
    let signal = status & 0x7f
    return signal == 0 ? .status((status >> 8) & 0xff) : .signal(signal)
  }

  func close() {
    for descriptor in [ended, output, gate] where descriptor >= 0 { Glibc.close(descriptor) }
  }
}

extension Spawned.Failure {
  init(_ what: String, _ error: Int32) {
    sentence = unsafe "\(what): \(String(cString: strerror(error)))"
  }
}
