// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Synchronization

/// QEMU's monitor at a unix socket: a command goes there, its answer comes back, or an error says
/// within the time that was given why not.
///
/// Such a socket serves one client at a time. Whoever comes second is connected, but not greeted
/// before the first has gone; so the greeting is waited for. A socket that is lost is not connected
/// again behind the caller's back: what was going on there may have been done or not.
///
/// ## Concurrency
/// `state` guards the descriptor and all that was read; a command holds it until it is answered.
package final class QmpSocket: QmpChannel {
  private struct State {
    var line: QmpLine
    var identifier: Int64 = 0
    var events: [QmpEvent] = []
    var loss: QmpError?
  }

  package let object: String
  private let state: Mutex<State>

  /// The oldest are forgotten first.
  static let maximumEventCount = 256
  /// How long a QEMU that serves somebody else, or is just starting, is waited for.
  package static let greetingSeconds = 10.0

  package convenience init(
    path: String, seconds: Double = greetingSeconds
  ) throws(QmpError) {
    let deadline = Deadline(seconds: seconds)
    try self.init(try QmpLine(path: path, deadline), object: path, deadline)
  }

  /// Over a socket that is connected already, and its own from now on.
  package convenience init(
    socket: Int32, object: String, seconds: Double = greetingSeconds
  ) throws(QmpError) {
    try self.init(
      QmpLine(socket: socket, object: object), object: object, Deadline(seconds: seconds))
  }

  private init(_ line: QmpLine, object: String, _ deadline: Deadline) throws(QmpError) {
    self.object = object
    var state = State(line: line)
    do throws(QmpError) {
      guard case .greeting = try Self.nextReply(&state, deadline, object: object) else {
        throw Self.malformed(object, "it does not greet as QEMU does")
      }
      _ = try Self.execute(QmpCommand("qmp_capabilities"), &state, deadline, object: object)
    } catch {
      state.line.close()
      if error.kind == .late {
        throw QmpError(
          .late, object: object, sentence: "it does not greet",
          hint: "it serves one client at a time: is another one connected?")
      }
      throw error
    }
    self.state = Mutex(state)
  }

  deinit { close() }

  /// The process of the QEMU, or of whoever started it in the background.
  var peerProcess: Int32? { state.withLock { $0.line.peerProcess } }

  package func execute(_ command: QmpCommand, seconds: Double) throws(QmpError) -> JSON {
    try execute(command, seconds: seconds, with: nil)
  }

  /// Gives QEMU a descriptor, which its commands can use by that name.
  func give(_ descriptor: Int32, named name: String) throws(QmpError) {
    let command = QmpCommand("getfd", ["fdname": .string(name)])
    _ = try execute(command, seconds: Self.usualSeconds, with: descriptor)
  }

  private func execute(
    _ command: QmpCommand, seconds: Double, with descriptor: Int32?
  ) throws(QmpError) -> JSON {
    let deadline = Deadline(seconds: seconds)
    return try state.withLock { state throws(QmpError) in
      if let loss = state.loss { throw loss }
      do throws(QmpError) {
        return try Self.execute(command, &state, deadline, object: object, with: descriptor)
      } catch {
        if error.kind == .lost || error.kind == .malformed {
          state.loss = error
          state.line.close()
        }
        throw error
      }
    }
  }

  package func takeEvents() -> [QmpEvent] {
    state.withLock { state in
      // What has come meanwhile; that the other end is gone is for the next command to say.
      while state.loss == nil,
        let reply = try? Self.nextReply(&state, Deadline(seconds: 0), object: object)
      {
        if case .event(let event) = reply { Self.keep(event, &state) }
      }
      defer { state.events = [] }
      return state.events
    }
  }

  /// Lets the next client in.
  package func close() {
    state.withLock { state in
      state.loss = state.loss ?? QmpError(.lost, object: object, sentence: "it was closed")
      state.line.close()
    }
  }

  private static func execute(
    _ command: QmpCommand, _ state: inout State, _ deadline: Deadline, object: String,
    with descriptor: Int32? = nil
  ) throws(QmpError) -> JSON {
    state.identifier += 1
    let identifier = state.identifier
    let text = command.message(identifier: identifier).encoded
    do throws(QmpError) {
      try state.line.write(
        Array(text.utf8) + [UInt8(ascii: "\n")], deadline, with: descriptor)
      while true {
        switch try nextReply(&state, deadline, object: object) {
        case .event(let event): keep(event, &state)
        case .returned(let value, identifier): return value
        case .refused(let name, let text, identifier):
          throw QmpError(.refused(class: name), object: object, sentence: text)
        // The answer to a command whose time was over.
        case .returned(_, .some(..<identifier)), .refused(_, _, .some(..<identifier)): continue
        case .greeting, .returned, .refused:
          throw malformed(object, "it answers what it was not asked")
        }
      }
    } catch {
      throw error.during(command.name)
    }
  }

  private static func nextReply(
    _ state: inout State, _ deadline: Deadline, object: String
  ) throws(QmpError) -> QmpReply {
    let bytes = try state.line.read(deadline)
    guard let message = try? JSONParser.parse(bytes[...]), let reply = QmpReply(message) else {
      throw malformed(object, "it sends what is not QEMU's machine protocol")
    }
    return reply
  }

  private static func keep(_ event: QmpEvent, _ state: inout State) {
    if state.events.count == maximumEventCount { state.events.removeFirst() }
    state.events.append(event)
  }

  private static func malformed(_ object: String, _ sentence: String) -> QmpError {
    QmpError(.malformed, object: object, sentence: sentence)
  }
}

extension QmpError {
  /// Names the command that was on its way.
  func during(_ command: String) -> QmpError {
    var error = self
    error.sentence = "\(command): \(sentence)"
    return error
  }
}
