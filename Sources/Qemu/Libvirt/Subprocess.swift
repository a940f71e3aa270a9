// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A helper program that is run to its end, whose words are wanted: bounded in time and length.
/// It has an empty standard input, and is killed when it takes too long.
struct Subprocess {
  struct Result: Equatable, Sendable {
    /// An exit status, or 128 + the signal.
    var status: Int32
    var output: [UInt8] = []
    var errors: [UInt8] = []
  }

  enum Failure: Error, Equatable, Sendable {
    case start(Int32)
    case late
    case tooMuch
  }

  static let maximumByteCount = 16 << 20

  /// Runs it, without a shell.
  static func run(_ words: [String], seconds: Double) throws(Failure) -> Result {
    var output: [Int32] = [-1, -1]
    var errors: [Int32] = [-1, -1]
    guard unsafe linux_pipe(&output) == 0 else { throw .start(errno) }
    guard unsafe linux_pipe(&errors) == 0 else {
      let number = errno
      for end in output { close(end) }
      throw .start(number)
    }
    let started = start(words, output: output[1], errors: errors[1])
    close(output[1])
    close(errors[1])
    defer {
      close(output[0])
      close(errors[0])
    }
    let process: pid_t
    switch started {
    case .success(let number): process = number
    case .failure(let failure): throw failure
    }
    do throws(Failure) {
      var result = try read(output[0], errors[0], Deadline(seconds: seconds))
      result.status = reap(process)
      return result
    } catch {
      kill(process, SIGKILL)
      _ = reap(process)
      throw error
    }
  }

  private static func start(
    _ words: [String], output: Int32, errors: Int32
  ) -> Swift.Result<pid_t, Failure> {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, errors, 2)
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    unsafe sigaddset(&signals, SIGPIPE)
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var pointers: [UnsafeMutablePointer<CChar>?] =
      unsafe words.map { unsafe strdup($0) } + [nil]
    defer { unsafe pointers.forEach { unsafe free($0) } }
    var process = pid_t()
    let status = unsafe posix_spawnp(
      &process, pointers[0]!, &actions, &attributes, &pointers, environ)
    return status == 0 ? .success(process) : .failure(.start(status))
  }

  private static func read(
    _ output: Int32, _ errors: Int32, _ deadline: Deadline
  ) throws(Failure) -> Result {
    var result = Result(status: 0)
    var waited = [output, errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while waited.contains(where: { $0.fd >= 0 }) {
      if deadline.isOver { throw .late }
      _ = unsafe poll(&waited, nfds_t(waited.count), deadline.milliseconds)
      for index in waited.indices where waited[index].revents != 0 {
        let count = unsafe Glibc.read(waited[index].fd, &chunk, chunk.count)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 {
          waited[index].fd = -1
          waited[index].revents = 0
        } else if index == 0 {
          result.output += chunk[..<count]
        } else {
          result.errors += chunk[..<count]
        }
      }
      if result.output.count + result.errors.count > maximumByteCount { throw .tooMuch }
    }
    return result
  }

  private static func reap(_ process: pid_t) -> Int32 {
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) == -1 {
      if errno != EINTR { return -1 }
    }
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}
