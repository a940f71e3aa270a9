// SPDX-License-Identifier: Apache-2.0

package import Blocks
import Storage

/// Two dirty bitmaps of a disk's node by turns: while one is read, the other one is written.
///
/// The new one is enabled before the old one is disabled, in one transaction, so that a write is in
/// one of them or in both, and never in none. QEMU sets the bits when a write has ended. The frozen
/// bitmap is not exported from its own node, which QEMU 7.2 does not survive when the disk has an
/// iothread, but merged into one of an empty scratch node that stays in the main loop.
///
/// What is lost is said: then all of the disk is dirty, and the tracking began anew before that
/// was said.
///
/// ## Concurrency
/// All calls come from one thread.
package final class QemuBitmaps: @unchecked Sendable {
  private let disk: MachineDisk
  private let server: MachineServer
  private var machine: VirtualMachine { server.machine }
  /// The two, the one that is written first.
  private var names: (active: String, idle: String)
  private let merged: String
  private let scratch: String
  private let export: String
  private var hasBegun = false
  private var isTidy = true

  /// The guest's page, and ours: what is reported is what was written, and no more.
  private static let granularity: Int64 = 4096

  /// - Parameter number: different for each disk of the run.
  package init(of disk: MachineDisk, number: Int, at server: MachineServer) {
    self.disk = disk
    self.server = server
    let token = server.machine.token
    names = (token.name("a\(number)"), token.name("b\(number)"))
    merged = token.name("m\(number)")
    scratch = token.name("s\(number)")
    export = token.name("x\(number)")
  }

  /// What removes all that this makes in the machine, whatever is there of it.
  package var undo: [QmpCommand] {
    [
      .exportEnd(export), remove(merged, from: scratch), remove(names.active, from: disk.node),
      remove(names.idle, from: disk.node),
      QmpCommand("blockdev-del", ["node-name": .string(scratch)]),
    ]
  }

  /// Begins to track. The server must have been started.
  package func begin() throws(QmpError) {
    hasBegun = true
    try machine.channel.execute(
      "blockdev-add",
      [
        "driver": .string("null-co"), "node-name": .string(scratch),
        "size": .whole(disk.byteCount), "read-zeroes": .boolean(true),
      ])
    try machine.channel.execute(add(names.active, to: disk.node))
  }

  /// Adds what was written since `begin` or the last call. Not nil: why nobody knows, and all may
  /// have been written.
  package func take(into dirty: inout DirtySet) throws(QmpError) -> String? {
    guard hasBegun else { return "nothing is tracked" }
    tidy()
    do throws(QmpError) {
      try rotate()
    } catch {
      guard case .refused = error.kind else { throw error }
      try beginAgain()
      return "the dirty bitmap could not be used: \(error.sentence)"
    }
    isTidy = false
    return try read(into: &dirty)
  }

  /// Removes what the last `take` has read. What cannot be removed makes the next rotation fail,
  /// which is dealt with there.
  package func tidy() {
    if isTidy { return }
    isTidy = true
    try? machine.endExport(export)
    _ = try? machine.channel.execute(remove(merged, from: scratch))
    _ = try? machine.channel.execute(remove(names.idle, from: disk.node))
  }

  /// How much was written since it was last taken; nil when that cannot be known.
  package func dirtyByteCount() throws(QmpError) -> UInt64? {
    let drives = try machine.channel.execute("query-block").array ?? []
    for drive in drives {
      for bitmap in drive["inserted"]?["dirty-bitmaps"]?.array ?? []
      where bitmap["name"]?.string == names.active {
        return bitmap["count"]?.unsigned
      }
    }
    return nil
  }

  /// Leaves nothing behind. May be called at any time, and more than once.
  /// - Returns: whether nothing is left of it.
  @discardableResult
  package func end() -> Bool {
    guard hasBegun else { return true }
    var isDone = (try? machine.endExport(export)) != nil
    for command in undo where (try? machine.executeUnlessGone(command)) == nil { isDone = false }
    hasBegun = !isDone
    return isDone
  }

  // MARK: Turns

  private func rotate() throws(QmpError) {
    let (old, new) = names
    try machine.channel.execute(
      .transaction([
        add(new, to: disk.node), disable(old, of: disk.node),
        add(merged, to: scratch, isDisabled: true), merge(old, of: disk.node, into: merged),
      ]))
    names = (new, old)
  }

  /// After this, what is written is in a bitmap again.
  private func beginAgain() throws(QmpError) {
    try machine.endExport(export)
    for name in [names.active, names.idle] {
      try machine.executeUnlessGone(remove(name, from: disk.node))
    }
    try machine.executeUnlessGone(remove(merged, from: scratch))
    try machine.channel.execute(add(names.active, to: disk.node))
  }

  private func read(into dirty: inout DirtySet) throws(QmpError) -> String? {
    do throws(QmpError) {
      try machine.channel.execute(
        "block-export-add",
        [
          "type": .string("nbd"), "id": .string(export), "name": .string(export),
          "node-name": .string(scratch), "writable": .boolean(false),
          "bitmaps": .array([.string(merged)]),
        ])
    } catch {
      guard case .refused = error.kind else { throw error }
      return "the dirty bitmap cannot be read: \(error.sentence)"
    }
    do throws(StorageError) {
      try readExport(into: &dirty)
      return nil
    } catch {
      return "the dirty bitmap cannot be read: \(error.description)"
    }
  }

  private func readExport(into dirty: inout DirtySet) throws(StorageError) {
    let context = "qemu:dirty-bitmap:\(merged)"
    let address = try NbdAddress(unixSocket: server.socketPath ?? "", exportName: export)
    var limits = NbdExport.Limits()
    limits.connectionCount = 1
    limits.connectSeconds = Self.answerSeconds
    limits.silenceSeconds = Self.answerSeconds
    let connection = try NbdExport.open(address, contexts: [context], limits: limits)
    defer { connection.close() }
    guard connection.contexts.contains(context), connection.byteCount == disk.byteCount else {
      throw StorageError(
        .unsuitable, object: disk.name, sentence: "QEMU does not export the bitmap")
    }
    var offset: UInt64 = 0
    while offset < disk.byteCount {
      let extents = try connection.status(of: offset..<disk.byteCount, in: context)
      guard let end = extents.last?.range.upperBound, end > offset else {
        throw StorageError(.unsuitable, object: disk.name, sentence: "QEMU tells nothing of it")
      }
      for extent in extents where extent.flags & Self.isDirty != 0 { dirty.insert(extent.range) }
      offset = end
    }
  }

  private static let isDirty: UInt32 = 1
  /// A machine may be paused meanwhile: better take all for dirty than wait for long.
  private static let answerSeconds = 5.0

  // MARK: Commands

  private func add(_ name: String, to node: String, isDisabled: Bool = false) -> QmpCommand {
    QmpCommand(
      "block-dirty-bitmap-add",
      [
        "node": .string(node), "name": .string(name), "granularity": .integer(Self.granularity),
        "disabled": .boolean(isDisabled),
      ])
  }

  private func disable(_ name: String, of node: String) -> QmpCommand {
    QmpCommand("block-dirty-bitmap-disable", ["node": .string(node), "name": .string(name)])
  }

  private func merge(_ name: String, of node: String, into target: String) -> QmpCommand {
    QmpCommand(
      "block-dirty-bitmap-merge",
      [
        "node": .string(scratch), "target": .string(target),
        "bitmaps": .array([.object(["node": .string(node), "name": .string(name)])]),
      ])
  }

  private func remove(_ name: String, from node: String) -> QmpCommand {
    QmpCommand("block-dirty-bitmap-remove", ["node": .string(node), "name": .string(name)])
  }
}
