// SPDX-License-Identifier: Apache-2.0

import Qemu

/// What a run tells its guardian over a pipe.
///
/// A message is the count of its bytes (UInt32, little endian) and its fields, each a count and
/// bytes; the first field is its kind. Both ends are the same program, so that there are no
/// versions; still nothing that comes can do harm.
package enum GuardianMessage: Equatable, Sendable {
  case put(UndoStep)
  case remove(String)
  /// A command of the user's begins to run: it is ended before anything is undone.
  case begin(process: Int32)
  case end(process: Int32)
  /// The run must be heard of again within this time; 0 takes the limit back.
  case budget(milliseconds: UInt32)
  /// All is well: nothing is to be undone any more.
  case disarm

  /// How much a message may be.
  static let maximumByteCount = 1 << 20

  /// Whether the guardian says that it has heard it. A budget is told too often for that.
  var isAnswered: Bool {
    if case .budget = self { false } else { true }
  }

  /// Nil when it is more than a message may be.
  package var encoded: [UInt8]? {
    var payload: [UInt8] = []
    for field in fields {
      append(UInt32(truncatingIfNeeded: field.utf8.count), to: &payload)
      payload += field.utf8
      if payload.count > Self.maximumByteCount { return nil }
    }
    var result: [UInt8] = []
    append(UInt32(payload.count), to: &result)
    return result + payload
  }

  private func append(_ number: UInt32, to bytes: inout [UInt8]) {
    for shift in stride(from: 0, to: 32, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }

  private var fields: [String] {
    switch self {
    case .put(let step): ["put", step.name] + step.action.fields
    case .remove(let name): ["remove", name]
    case .begin(let process): ["begin", "\(process)"]
    case .end(let process): ["end", "\(process)"]
    case .budget(let milliseconds): ["budget", "\(milliseconds)"]
    case .disarm: ["disarm"]
    }
  }

  init?(fields: [String]) {
    switch (fields.first, fields.count) {
    case ("put", 3...):
      guard let action = UndoStep.Action(fields: fields[2...]) else { return nil }
      self = .put(UndoStep(fields[1], action))
    case ("remove", 2): self = .remove(fields[1])
    case ("begin", 2), ("end", 2):
      guard let process = Int32(fields[1]), process > 1 else { return nil }
      self = fields[0] == "begin" ? .begin(process: process) : .end(process: process)
    case ("budget", 2):
      guard let milliseconds = UInt32(fields[1]) else { return nil }
      self = .budget(milliseconds: milliseconds)
    case ("disarm", 1): self = .disarm
    default: return nil
    }
  }
}

extension UndoStep.Action {
  fileprivate var fields: [String] {
    switch self {
    case .command(let words, let environment, let timeoutSeconds):
      ["command", "\(Int(timeoutSeconds * 1000))", "\(words.count)"] + words
        + environment.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
    case .qmp(let machine, let commands):
      ["qmp", machine.text]
        + commands.flatMap { undo in
          [undo.command.line, "\(undo.harmlessErrors.count)"] + undo.harmlessErrors
        }
    case .resume(let machine): ["resume", machine.text]
    case .remove(let path): ["remove", path]
    }
  }

  fileprivate init?(fields: ArraySlice<String>) {
    var rest = fields
    switch (rest.popFirst(), rest.count) {
    case ("command", 3...):
      guard let milliseconds = Int(rest.removeFirst()), milliseconds >= 0,
        let count = Int(rest.removeFirst()), count > 0, count <= rest.count
      else { return nil }
      let words = Array(rest.prefix(count))
      rest = rest.dropFirst(count)
      var environment: [String: String] = [:]
      while let name = rest.popFirst() {
        guard let value = rest.popFirst() else { return nil }
        environment[name] = value
      }
      self = .command(
        words: words, environment: environment, timeoutSeconds: Double(milliseconds) / 1000)
    case ("qmp", 1...):
      guard let machine = QmpAddress(rest.removeFirst()) else { return nil }
      var commands: [QmpUndo] = []
      while let line = rest.popFirst() {
        guard let command = QmpCommand(line: line),
          let count = rest.popFirst().flatMap({ Int($0) }), count >= 0, count <= rest.count
        else { return nil }
        commands.append(QmpUndo(command, harmlessErrors: Array(rest.prefix(count))))
        rest = rest.dropFirst(count)
      }
      self = .qmp(machine, commands)
    case ("resume", 1):
      guard let machine = QmpAddress(rest.removeFirst()) else { return nil }
      self = .resume(machine)
    case ("remove", 1): self = .remove(path: rest.removeFirst())
    default: return nil
    }
  }
}

extension QmpCommand {
  fileprivate init?(line: String) {
    guard let message = try? JSONParser.parse(line), let name = message["execute"]?.string else {
      return nil
    }
    self.init(name)
    arguments = message["arguments"]
  }
}
