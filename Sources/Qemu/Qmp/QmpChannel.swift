// SPDX-License-Identifier: Apache-2.0

/// A way to a QEMU: its own socket, or somebody who passes on what we say.
///
/// ## Concurrency
/// Calls may come from any thread; one is made after the other.
package protocol QmpChannel: AnyObject, Sendable {
  /// The socket's path or the domain's name, for sentences.
  var object: String { get }
  /// What QEMU returned.
  func execute(_ command: QmpCommand, seconds: Double) throws(QmpError) -> JSON
  /// What happened since somebody asked last, the oldest first; empty where it cannot be known.
  func takeEvents() -> [QmpEvent]
  /// Lets somebody else in; nothing can be asked any more.
  func close()
}

extension QmpChannel {
  /// Longer than QEMU needs for anything that it does before it answers, on a busy machine.
  package static var usualSeconds: Double { 20 }

  @discardableResult
  package func execute(_ command: QmpCommand) throws(QmpError) -> JSON {
    try execute(command, seconds: Self.usualSeconds)
  }

  @discardableResult
  package func execute(
    _ name: String, _ arguments: KeyValuePairs<String, JSON> = [:]
  ) throws(QmpError) -> JSON {
    try execute(QmpCommand(name, arguments), seconds: Self.usualSeconds)
  }
}

/// Something that QEMU told without being asked.
package struct QmpEvent: Equatable, Sendable {
  package var name: String
  package var data: JSON?
  /// By QEMU's clock, in seconds since 1970; nil where it does not say.
  package var time: Double?

  package init(name: String, data: JSON? = nil, time: Double? = nil) {
    self.name = name
    self.data = data
    self.time = time
  }
}
