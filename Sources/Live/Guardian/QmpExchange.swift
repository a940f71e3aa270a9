// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Transfer

/// The guardian's own words with a virtual machine: a command, and whether it was done.
///
/// It is kept apart from the client that a run uses, and smaller, because it must work when
/// everything else has failed: it needs no thread, and waits for nothing without a limit. A
/// connection that failed stays failed; whoever wants another try makes another exchange.
final class QmpExchange {
  enum Answer: Equatable {
    /// The members of what was returned, as text.
    case returned([String: String])
    /// The machine's error: its class and text.
    case refused(String)
    /// There is nobody to ask, or no answer.
    case lost(String)
  }

  private let machine: UndoStep.Machine
  private let answerSeconds: Double
  private var socket: Int32 = -1
  private var loss: String?
  private var pending: [UInt8] = []

  /// How long one line of the machine's may be.
  private static let longestLineByteCount = 4 << 20

  init(_ machine: UndoStep.Machine, answerSeconds: Double) {
    self.machine = machine
    self.answerSeconds = answerSeconds
  }

  deinit { if socket >= 0 { close(socket) } }

  /// - Parameter line: one command as JSON.
  func execute(_ line: String) -> Answer {
    switch machine {
    case .socket(let path): return execute(line, at: path)
    case .domain(let name): return execute(line, domain: name)
    }
  }

  // MARK: A socket

  private func execute(_ line: String, at path: String) -> Answer {
    if let loss { return .lost(loss) }
    let deadline = Clock.now + answerSeconds
    if socket < 0 {
      if let failure = connect(to: path, deadline) { return lose(failure) }
    }
    return exchange(line, deadline)
  }

  private func connect(to path: String, _ deadline: Double) -> String? {
    socket = linux_local_socket()
    guard socket >= 0, unsafe linux_connect_path(socket, path) == 0 else {
      return unsafe "\(path): connect: \(String(cString: strerror(errno)))"
    }
    // The next one in the queue is greeted when the one before has gone.
    while true {
      guard let line = nextLine(deadline) else { return "\(path): no greeting" }
      if GlancedObject(line)?.members["QMP"] != nil { break }
    }
    if case .returned = exchange(#"{"execute":"qmp_capabilities"}"#, deadline) { return nil }
    return "\(path): it does not speak the machine protocol"
  }

  private func lose(_ why: String) -> Answer {
    loss = why
    if socket >= 0 { close(socket) }
    socket = -1
    return .lost(why)
  }

  private func exchange(_ line: String, _ deadline: Double) -> Answer {
    let bytes = Array((line + "\n").utf8)
    // A command is short, and the machine reads it or is lost.
    let count = unsafe bytes.withUnsafeBytes {
      unsafe send(
        socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }
    guard count == bytes.count else { return lose("the machine's socket takes nothing more") }
    while let line = nextLine(deadline) {
      if let answer = Self.answer(line) { return answer }
    }
    return lose("the machine does not answer")
  }

  /// Nil for an event, or what is no answer at all.
  private static func answer(_ line: String) -> Answer? {
    guard let members = GlancedObject(line)?.members else { return nil }
    if let value = members["return"] { return .returned(GlancedObject(value)?.members ?? [:]) }
    guard let error = members["error"] else { return nil }
    let details = GlancedObject(error)?.members ?? [:]
    return .refused("\(details["class"] ?? "error"): \(details["desc"] ?? "?")")
  }

  private func nextLine(_ deadline: Double) -> String? {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: pending[..<end], as: UTF8.self)
        pending.removeFirst(end + 1)
        return line
      }
      guard pending.count < Self.longestLineByteCount else { return nil }
      var event = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      let rest = deadline - Clock.now
      guard rest > 0 else { return nil }
      let ready = unsafe poll(&event, 1, Int32((rest * 1000).rounded(.up)))
      if ready < 0 && errno == EINTR { continue }
      guard ready > 0 else { return nil }
      let count = unsafe read(socket, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return nil }
      pending += chunk[..<count]
    }
  }

  // MARK: A domain

  private func execute(_ line: String, domain: String) -> Answer {
    var lines: [String] = []
    let command = ChildCommand(
      ["virsh", "--quiet", "qemu-monitor-command", "--domain", domain, line],
      timeoutSeconds: answerSeconds)
    do throws(TransferError) {
      let ending = try command.run { lines.append($0) }
      if let answer = lines.lazy.compactMap(Self.answer).first { return answer }
      let said = lines.last.map { ": \($0)" } ?? ""
      return .lost("virsh: \(ending.failure ?? "it gave no answer")\(said)")
    } catch { return .lost(error.sentence) }
  }
}
