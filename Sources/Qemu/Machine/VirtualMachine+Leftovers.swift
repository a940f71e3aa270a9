// SPDX-License-Identifier: Apache-2.0

extension VirtualMachine {
  /// Removes what earlier runs of ours have left in the machine because they were killed, and their
  /// guardians with them: exports, bitmaps, scratch nodes, limits. Refuses when one of them lives.
  ///
  /// - Returns: the names of what was removed.
  @discardableResult
  package func removeLeftovers() throws(QmpError) -> [String] {
    let found = try inventory()
    for name in found.names {
      guard let owner = RunToken(in: name), owner.isAlive, owner != token else { continue }
      throw QmpError(
        .unsuitable, object: self.name,
        sentence: "another blkmove (process \(owner.processNumber)) moves this machine")
    }
    try remove(found)
    return found.names
  }

  /// What is ours in a machine.
  private struct Inventory {
    var exports: [String] = []
    var hasForeignServer = false
    var bitmaps: [(node: String, name: String)] = []
    var nodes: [String] = []
    /// The groups' names with the devices.
    var limits: [(name: String, device: MachineDisk.Device)] = []

    var names: [String] { exports + bitmaps.map(\.name) + nodes + limits.map(\.name) }
  }

  private func inventory() throws(QmpError) -> Inventory {
    var result = Inventory()
    for export in try channel.execute("query-block-exports").array ?? [] {
      let name = export["id"]?.string ?? ""
      if RunToken(in: name) != nil {
        result.exports.append(name)
      } else if export["type"]?.string == "nbd" {
        result.hasForeignServer = true
      }
    }
    let nodes = try channel.execute("query-named-block-nodes", ["flat": .boolean(true)])
    for node in nodes.array ?? [] {
      let name = node["node-name"]?.string ?? ""
      if RunToken(in: name) != nil { result.nodes.append(name) }
      for bitmap in node["dirty-bitmaps"]?.array ?? [] {
        if let own = bitmap["name"]?.string, RunToken(in: own) != nil {
          result.bitmaps.append((name, own))
        }
      }
    }
    for drive in try channel.execute("query-block").array ?? [] {
      guard let group = drive["inserted"]?["group"]?.string, RunToken(in: group) != nil,
        let identifier = drive["qdev"]?.string
      else { continue }
      result.limits.append((group, .identifier(identifier)))
    }
    return result
  }

  private func remove(_ found: Inventory) throws(QmpError) {
    let none = ThrottleValues(medium: .null)
    for limit in found.limits { try channel.execute(none.command(for: limit.device)) }
    for export in found.exports {
      try channel.execute(
        "block-export-del", ["id": .string(export), "mode": .string("hard")])
    }
    // Who made a server is not told; but our nodes outlive it in all that we do.
    if !found.nodes.isEmpty && !found.hasForeignServer {
      try executeUnlessGone(QmpCommand("nbd-server-stop"))
    }
    for bitmap in found.bitmaps {
      try executeUnlessGone(
        QmpCommand(
          "block-dirty-bitmap-remove",
          ["node": .string(bitmap.node), "name": .string(bitmap.name)]))
    }
    for node in found.nodes {
      try executeUnlessGone(QmpCommand("blockdev-del", ["node-name": .string(node)]))
    }
  }

  /// For what may have ended by itself.
  func executeUnlessGone(_ command: QmpCommand) throws(QmpError) {
    do throws(QmpError) {
      try channel.execute(command)
    } catch {
      guard case .refused = error.kind, error.saysGone else { throw error }
    }
  }
}

extension QmpError {
  /// Whether what a command was about is not there.
  var saysGone: Bool {
    ["not found", "Cannot find", "Failed to find", "not running"].contains { sentence.contains($0) }
  }
}
