// SPDX-License-Identifier: Apache-2.0

/// Something that a QEMU is asked to do, as a value: it can be sent now, or kept for whoever has to
/// undo something.
package struct QmpCommand: Equatable, Sendable {
  package var name: String
  package var arguments: JSON?

  package init(_ name: String, _ arguments: KeyValuePairs<String, JSON> = [:]) {
    self.name = name
    self.arguments = arguments.isEmpty ? nil : .object(arguments)
  }

  package init(_ name: String, arguments: JSON) {
    self.name = name
    self.arguments = arguments
  }

  /// One line of JSON, without its end.
  package var line: String { message(identifier: nil).encoded }

  func message(identifier: Int64?) -> JSON {
    var members = [JSON.Member(name: "execute", value: .string(name))]
    if let arguments { members.append(JSON.Member(name: "arguments", value: arguments)) }
    if let identifier { members.append(JSON.Member(name: "id", value: .integer(identifier))) }
    return .object(members)
  }

  /// Several that happen all or not at all. Each must be one that QEMU takes in a transaction.
  package static func transaction(_ commands: [QmpCommand]) -> QmpCommand {
    let actions = commands.map { command in
      JSON.object(["type": .string(command.name), "data": command.arguments ?? .object([])])
    }
    return QmpCommand("transaction", ["actions": .array(actions)])
  }
}
