// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization

/// An sshd of the tests' own on loopback, with its own keys, port and known hosts. It ends with
/// its directory or with the test process, whichever is first.
final class SecureShell: Sendable {
  /// The one that tests share which do it no harm.
  static let shared = Result { try SecureShell() }

  let scratch: Scratch
  private let identifier: pid_t
  private let input: Int32
  private let isStopped = Mutex(false)
  private let line: NarrowLine?

  /// At the far end of a line of its own, or on loopback.
  init(forcedCommand: String? = nil, over line: NarrowLine? = nil) throws {
    scratch = Scratch()
    self.line = line
    let (reading, writing) = try Spawn.pipe()
    defer { close(reading) }
    input = writing
    let log = scratch.path("private-sshd.log")
    var environment = Command.plainEnvironment
    environment["FORCED_COMMAND"] = forcedCommand
    if line != nil { environment["LISTEN_ADDRESS"] = NarrowLine.farAddress }
    // What a session finds in its environment, so that the far end never writes outside the
    // tests' own directories either.
    let session = [
      "SWIFT_BACKTRACE=enable=no",
      "BLKMOVE_STATE_DIR=\(scratch.path("state", isDirectory: true))",
    ]
    identifier = try Spawn.start(
      (line?.farWords ?? [])
        + ["/bin/bash", Tool.script("private-sshd"), scratch.path] + session,
      environment: environment, input: .descriptor(reading), output: .file(log),
      error: .file(log))
    let deadline = Date() + 20
    while !FileManager.default.fileExists(atPath: scratch.path("ready")) {
      guard Date() < deadline, kill(identifier, 0) == 0 else {
        throw FixtureError("no sshd: \((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
      }
      usleep(10_000)
    }
  }

  deinit { stop() }

  /// Ends the server and every session, as a power cut does. A session has left the group of its
  /// server, so it is found as a descendant.
  func stop() {
    isStopped.withLock { isStopped in
      if isStopped { return }
      isStopped = true
      let sessions = Self.descendants(of: identifier)
      kill(-identifier, SIGKILL)
      for process in sessions { kill(process, SIGKILL) }
      close(input)
      var status: Int32 = 0
      waitpid(identifier, &status, 0)
    }
  }

  private static func descendants(of identifier: pid_t) -> [pid_t] {
    let numbers = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [])
      .compactMap { pid_t($0) }
    var parents: [pid_t: pid_t] = [:]
    for number in numbers {
      let status = (try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)) ?? ""
      let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
      parents[number] = fields.count > 1 ? pid_t(fields[1]) : nil
    }
    return numbers.filter { number in
      var ancestor = parents[number]
      while let next = ancestor, next > 1 {
        if next == identifier { return true }
        ancestor = parents[next]
      }
      return false
    }
  }

  /// Where the number of the process is whose group holds server and sessions.
  var pidFile: String { scratch.path("pid") }
  var port: String {
    ((try? String(contentsOfFile: scratch.path("port"), encoding: .utf8)) ?? "")
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The words of an ssh that reaches it under any host name.
  var client: [String] { (line?.nearWords ?? []) + ["ssh", "-F", scratch.path("ssh_config")] }
}
