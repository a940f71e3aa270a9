// SPDX-License-Identifier: Apache-2.0

/// The move of a machine's memory and devices by QEMU itself, which stands still before its last
/// part until it is told to go on: in that moment the disks are brought over.
///
/// The target says at the end whether it has understood everything (return path). Until then the
/// machine here can go on.
///
/// ## Concurrency
/// All calls come from one thread.
package final class Migration: @unchecked Sendable {
  package enum State: Equatable, Sendable {
    /// Memory is on its way; the machine runs.
    case active(remainingByteCount: UInt64, bytesPerSecond: Double)
    /// The machine stands still.
    case waiting
    /// What is left is on its way.
    case finishing
    /// It is the target's now.
    case completed
    case failed(String)
    case none
  }

  private let machine: VirtualMachine
  private let formerCapabilities: JSON
  private let formerParameters: JSON
  private var hasBegun = false

  private static let parameterNames = ["max-bandwidth", "downtime-limit"]
  private static let capabilityNames = ["pause-before-switchover", "return-path"]
  /// It is to begin its pause when we say so, and not by itself.
  private static let shortestPause: Int64 = 1
  private static let longestPause: Int64 = 30_000

  package init(of machine: VirtualMachine) throws(QmpError) {
    self.machine = machine
    guard machine.channel is QmpSocket else {
      throw QmpError(
        .unsuitable, object: machine.name,
        sentence: "its memory cannot be moved by way of libvirt",
        hint: "use 'virsh migrate --copy-storage-all', or name QEMU's own socket: qmp:PATH")
    }
    let capabilities = try machine.channel.execute("query-migrate-capabilities").array ?? []
    formerCapabilities = .array(
      capabilities.filter { Self.capabilityNames.contains($0["capability"]?.string ?? "") })
    let parameters = try machine.channel.execute("query-migrate-parameters")
    formerParameters = .object(
      Self.parameterNames.compactMap { name in
        parameters[name].map { JSON.Member(name: name, value: $0) }
      })
  }

  /// What ends it and leaves QEMU as it was; the machine goes on here, if it is not over.
  package var undo: [QmpCommand] {
    [
      QmpCommand("migrate_cancel"),
      QmpCommand("migrate-set-capabilities", ["capabilities": formerCapabilities]),
      QmpCommand("migrate-set-parameters", arguments: formerParameters),
    ]
  }

  /// - Parameters:
  ///   - socket: leads to the machine that waits for it; it is QEMU's from then on.
  ///   - bytesPerSecond: 0 is as fast as it goes.
  package func begin(over socket: Int32, bytesPerSecond: UInt64) throws(QmpError) {
    guard let channel = machine.channel as? QmpSocket else { return }
    try machine.setCapabilities(Self.capabilityNames)
    try setPause(Self.shortestPause, bytesPerSecond: bytesPerSecond)
    let name = machine.token.name("memory")
    try channel.give(socket, named: name)
    hasBegun = true
    try channel.execute("migrate", ["uri": .string("fd:\(name)")])
  }

  private func setPause(_ milliseconds: Int64, bytesPerSecond: UInt64? = nil) throws(QmpError) {
    var members = [JSON.Member(name: "downtime-limit", value: .integer(milliseconds))]
    if let bytesPerSecond {
      let rate = bytesPerSecond == 0 ? Self.noLimit : bytesPerSecond
      members.append(JSON.Member(name: "max-bandwidth", value: .whole(rate)))
    }
    try machine.channel.execute(
      QmpCommand("migrate-set-parameters", arguments: .object(members)))
  }

  private static let noLimit: UInt64 = 1 << 40

  package func state() throws(QmpError) -> State {
    if !hasBegun { return .none }
    let answer = try machine.channel.execute("query-migrate")
    switch answer["status"]?.string {
    case "setup", "active", "wait-unplug":
      let memory = answer["ram"]
      var rate = 0.0
      if case .number(let value)? = memory?["mbps"] { rate = value * 1e6 / 8 }
      return .active(
        remainingByteCount: memory?["remaining"]?.unsigned ?? .max, bytesPerSecond: rate)
    case "pre-switchover": return .waiting
    case "device": return .finishing
    case "completed": return .completed
    case nil, "none": return .none
    case .some(let name):
      return .failed(answer["error-desc"]?.string ?? "its migration is \(name)")
    }
  }

  /// Lets it begin its pause as soon as it can.
  package func allowPause() throws(QmpError) { try setPause(Self.longestPause) }

  /// The disks are over: the rest may go.
  package func goOn() throws(QmpError) {
    try machine.channel.execute("migrate-continue", ["state": .string("pre-switchover")])
  }

  /// Ends it; returns when the machine is here again, as it was. Nothing when it is over.
  package func cancel(seconds: Double) throws(QmpError) {
    if !hasBegun { return }
    try machine.channel.execute("migrate_cancel")
    let deadline = Deadline(seconds: seconds)
    while true {
      let status = try machine.channel.execute("query-migrate")["status"]?.string
      if !["setup", "active", "pre-switchover", "device", "cancelling"].contains(status) { break }
      if deadline.isOver {
        throw QmpError(.late, object: machine.name, sentence: "its migration does not end")
      }
      Deadline.sleep(seconds: 0.005)
    }
  }

  /// Gives QEMU its own values back, after its end.
  package func restore() throws(QmpError) {
    for command in undo.dropFirst() { try machine.channel.execute(command) }
  }
}

extension VirtualMachine {
  func setCapabilities(_ names: [String]) throws(QmpError) {
    let states = names.map { name in
      JSON.object(["capability": .string(name), "state": .boolean(true)])
    }
    try channel.execute("migrate-set-capabilities", ["capabilities": .array(states)])
  }

  /// At the other end: waits for a machine's memory at a socket that is to be made there. It does
  /// not run by itself when it has it: as long as nobody here knows that it has, it may go on here,
  /// and two of it must never run.
  package func awaitMemory(at path: String) throws(QmpError) {
    let state = try runState()
    guard state.name == "inmigrate" else {
      throw QmpError(
        .unsuitable, object: name,
        sentence: "it waits for no other machine's memory "
          + "(it is '\(state.name)')", hint: "start it with -incoming defer")
    }
    try setCapabilities(["return-path"])
    try channel.execute("stop")
    try channel.execute("migrate-incoming", ["uri": .string("unix:\(path)")])
  }
}
