// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Wire

/// The child process that carries the conversation: `ssh [options] host blkmove --server ...`,
/// started by argument vector, never through a shell of ours.
///
/// Its standard input and output are the connection; what it writes to standard error is
/// handed on line by line and its last lines are kept, because they say why it failed.
///
/// ## Concurrency
/// One thread reads standard error and adds to `errors`. `exit` is set by `finish`, which reaps
/// the child under its lock, and watched by `terminate`, which kills under the same lock: the
/// number is never that of another process. Everything else is immutable.
package final class RemoteShell: Sendable {
  package let host: String
  package let input: Int32
  package let output: Int32
  private let process: pid_t
  private let errors = Monitor(Errors())
  private let exit = Monitor<Int32?>(nil)

  /// What came on standard error.
  private struct Errors {
    var lastLines: [String] = []
    var hasEnded = false
  }

  /// Lines of standard error that are kept for the final sentence.
  private static let keptLineCount = 8
  private static let longestLineByteCount = 4096
  private static let lastWordsSeconds = 1.0

  package init(
    _ location: RemoteLocation, settings: Settings, serverArguments: [String],
    announce: @escaping Announce
  ) throws(TransferError) {
    let arguments = try Self.arguments(
      for: location, settings: settings, serverArguments: serverArguments)
    host = location.host
    let child = try Self.spawn(arguments)
    input = child.output
    output = child.input
    process = child.process
    let (descriptor, host, errors) = (child.errors, location.host, errors)
    _ = WorkerThread {
      Self.readLines(descriptor) { line in
        errors.update { errors in
          errors.lastLines.append(line)
          if errors.lastLines.count > Self.keptLineCount { errors.lastLines.removeFirst() }
        }
        announce(.remoteLine(host: host, line: line))
      }
      errors.update { $0.hasEnded = true }
    }
  }

  /// The argument vector for a location; the only place that decides what ssh sees.
  static func arguments(
    for location: RemoteLocation, settings: Settings, serverArguments: [String]
  ) throws(TransferError) -> [String] {
    if location.isHere { return ["/proc/self/exe"] + serverArguments }
    guard let shell = settings.remoteShell.first, !shell.isEmpty else {
      throw TransferError(.remote, "the remote shell is empty", status: .usage)
    }
    for word in [location.host, location.user ?? "user"] where word.hasPrefix("-") {
      throw TransferError(
        .remote, "host '\(word)' begins with '-' and would be taken for an option of \(shell)",
        status: .usage)
    }
    var arguments = settings.remoteShell
    if let port = location.port { arguments += ["-p", String(port)] }
    if let user = location.user { arguments += ["-l", user] }
    arguments.append(location.host)
    arguments += settings.remoteCommand + serverArguments.map(ShellWords.quoted)
    return arguments
  }

  private struct Child {
    var process: pid_t
    var input: Int32
    var output: Int32
    var errors: Int32
  }

  private static func spawn(_ arguments: [String]) throws(TransferError) -> Child {
    var toChild: [Int32] = [-1, -1]
    var fromChild: [Int32] = [-1, -1]
    var errors: [Int32] = [-1, -1]
    guard unsafe linux_pipe(&toChild) == 0, unsafe linux_pipe(&fromChild) == 0,
      unsafe linux_pipe(&errors) == 0
    else {
      throw TransferError(.remote, "pipe: \(describe(errno))", status: .failed)
    }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, errors[1], 2)

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
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    var words: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    var process = pid_t()
    let status = unsafe posix_spawnp(
      &process, words[0]!, &actions, &attributes, &words, environ)
    for descriptor in [toChild[0], fromChild[1], errors[1]] { close(descriptor) }
    guard status == 0 else {
      for descriptor in [toChild[1], fromChild[0], errors[0]] { close(descriptor) }
      throw TransferError(
        .remote, "cannot start \(arguments[0]): \(describe(status))",
        hint: "install it, or name the remote shell with -e or BLKMOVE_RSH", status: .remote)
    }
    return Child(process: process, input: toChild[1], output: fromChild[0], errors: errors[0])
  }

  private static func readLines(_ descriptor: Int32, _ body: (String) -> Void) {
    var pending: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      for byte in chunk[..<count] {
        if byte == UInt8(ascii: "\n") || pending.count == longestLineByteCount {
          body(printable(pending))
          pending = []
        }
        if byte != UInt8(ascii: "\n") && byte != UInt8(ascii: "\r") { pending.append(byte) }
      }
    }
    if !pending.isEmpty { body(printable(pending)) }
    close(descriptor)
  }

  /// A remote end must not be able to move our cursor or colour our terminal.
  private static func printable(_ bytes: [UInt8]) -> String {
    String(
      String.UnicodeScalarView(
        String(decoding: bytes, as: UTF8.self).unicodeScalars.map {
          $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? "?" : $0
        }))
  }

  /// Ends the child if it has not ended by itself when the time is over.
  func terminate(afterSeconds seconds: Double) {
    let (exit, process) = (exit, process)
    _ = WorkerThread {
      for signal in [SIGTERM, SIGKILL] {
        if exit.wait(seconds: seconds, { $0 }) != nil { return }
        exit.peek { if $0 == nil { kill(process, signal) } }
      }
    }
  }

  /// Waits for the child, after its connection was closed, and says how it ended:
  /// an exit status, or 128 + the signal. Called by the thread that started it.
  @discardableResult
  func finish() -> Int32 {
    if let known = exit.peek({ $0 }) { return known }
    var ended = unsafe siginfo_t()
    while unsafe waitid(P_PID, id_t(process), &ended, WEXITED | WNOWAIT) == -1 && errno == EINTR {}
    let result = exit.update { exit in
      var status: Int32 = 0
      while unsafe waitpid(process, &status, 0) == -1 && errno == EINTR {}
      let signal = status & 0x7f
      let result = signal == 0 ? (status >> 8) & 0xff : 128 + signal
      exit = result
      return result
    }
    // Somebody else may hold on to its standard error; his words are not waited for.
    _ = errors.wait(seconds: Self.lastWordsSeconds) { $0.hasEnded ? true : nil }
    return result
  }

  /// What the other end said last on standard error.
  var lastWords: [String] { errors.peek { $0.lastLines } }
}

func describe(_ error: Int32) -> String {
  unsafe String(cString: strerror(error))
}
