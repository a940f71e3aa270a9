// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Starts a program in a process group of its own, with default signals, and with nothing open
/// but its three standard descriptors. Foundation's `Process` does not tell resource usage, and
/// leaves group and signals as they are.
///
/// ## Concurrency
/// `gate` is held while a program is started and while a pipe is made, for a pipe is open to
/// children until it is marked: a program that holds the end which another waits to see closed
/// would keep that one waiting.
enum Spawn {
  private static let gate = Mutex(())

  /// Where a standard descriptor goes.
  enum Stream {
    case nothing
    case file(String)
    case descriptor(Int32)
  }

  static func start(
    _ words: [String], environment: [String: String], input: Stream = .nothing,
    output: Stream = .nothing, error: Stream = .nothing, isNewSession: Bool = false
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, stream) in [input, output, error].enumerated() {
      let number = Int32(number)
      switch stream {
      case .nothing: posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
      case .descriptor(let other): posix_spawn_file_actions_adddup2(&actions, other, number)
      case .file(let path):
        let flags = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, number, path, flags, 0o600)
      }
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    // POSIX_SPAWN_SETSID, which Swift does not import.
    let group = isNewSession ? 0x80 : POSIX_SPAWN_SETPGROUP
    posix_spawnattr_setflags(
      &attributes, Int16(group | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var arguments = words.map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for string in arguments + variables { free(string) } }
    var identifier = pid_t()
    let program = try Tool.path(words[0])
    let failure = gate.withLock { _ in
      posix_spawn(&identifier, program, &actions, &attributes, &arguments, &variables)
    }
    guard failure == 0 else {
      throw FixtureError("\(program): \(String(cString: strerror(failure)))")
    }
    return identifier
  }

  /// A pipe whose ends no child inherits by accident.
  static func pipe() throws -> (reading: Int32, writing: Int32) {
    try gate.withLock { _ in
      var ends: [Int32] = [0, 0]
      guard Glibc.pipe(&ends) == 0 else { throw FixtureError("no pipe") }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      return (ends[0], ends[1])
    }
  }
}
