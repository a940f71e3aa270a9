// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
package import Storage

/// The content of a disk that is more than a file (qcow2, a part of a file, a disk that is
/// elsewhere), as QEMU gives it out by NBD while the guest goes on writing.
///
/// Where the device has a thread of its own QEMU 7.2 dies when a client leaves, however it does.
/// So none ever leaves: QEMU is given each connection's other end too, and keeps it open when we
/// are gone, however we went. It is QEMU that ends the export, when it is told to, and that is
/// safe. (To show the disk as a file, by FUSE, is not: QEMU 7.2 dies of reading it.) Nor does it
/// survive every change of the disk between its thread and the main loop with such an export,
/// which a pause, its end, and the guest's restart bring about: it must be closed before, and can
/// be opened again.
///
/// ## Concurrency
/// All calls come from one thread.
package final class DiskExport: @unchecked Sendable {
  private let disk: MachineDisk
  private let server: MachineServer
  private let identifier: String
  private var isOpen = false
  private var heldCount = 0

  /// Where it is opened and closed in each pause there is one; it takes several questions at once.
  private var connectionCount: Int { disk.isInThread ? 1 : 4 }

  /// - Parameter number: different for each disk of the run.
  package init(_ disk: MachineDisk, number: Int, at server: MachineServer) {
    self.disk = disk
    self.server = server
    identifier = server.machine.token.name("d\(number)")
  }

  /// What ends it.
  package var undo: [QmpCommand] {
    let held = disk.isInThread ? (0..<connectionCount).map(release) : []
    return [.exportEnd(identifier)] + held
  }

  /// The server must have been started.
  package func open() throws(QmpError) -> NbdExport {
    guard let socketPath = server.socketPath else {
      throw error("its machine has no NBD server")
    }
    if disk.isInThread && !(server.machine.channel is QmpSocket) {
      throw QmpError(
        .unsuitable, object: disk.name,
        sentence: "a disk in format \(disk.format) with an iothread cannot be read through libvirt",
        hint: "name a monitor socket of the machine's (qmp:PATH), or take the iothread away")
    }
    try server.machine.channel.execute(
      "block-export-add",
      [
        "type": .string("nbd"), "id": .string(identifier), "name": .string(identifier),
        "node-name": .string(disk.node), "writable": .boolean(false),
      ])
    isOpen = true
    do throws(StorageError) {
      let address = try NbdAddress(unixSocket: socketPath, exportName: identifier)
      var limits = NbdExport.Limits()
      limits.connectionCount = connectionCount
      if !disk.isInThread { return try NbdExport.open(address, limits: limits) }
      return try NbdExport.open(address, limits: limits) { () throws(StorageError) in
        try self.connect(to: socketPath)
      }
    } catch { throw self.error(error.description) }
  }

  /// QEMU has the other end before it hears a word over it.
  private func connect(to path: String) throws(StorageError) -> Int32 {
    guard heldCount < connectionCount, let channel = server.machine.channel as? QmpSocket
    else { throw StorageError(.unsuitable, object: path, sentence: "has enough connections") }
    let socket = linux_local_socket()
    guard socket >= 0, unsafe linux_connect_path(socket, path) == 0 else {
      let number = errno
      if socket >= 0 { Glibc.close(socket) }
      throw StorageError(.system(number), object: path, operation: "connect")
    }
    do throws(QmpError) {
      try channel.give(socket, named: holdName(heldCount))
      heldCount += 1
      return socket
    } catch {
      Glibc.close(socket)
      throw StorageError(.unsuitable, object: path, sentence: error.description)
    }
  }

  private func holdName(_ number: Int) -> String { "\(identifier)-\(number)" }

  private func release(_ number: Int) -> QmpCommand {
    QmpCommand("closefd", ["fdname": .string(holdName(number))])
  }

  /// May be called at any time, and more than once. Nobody may be reading.
  /// - Returns: whether nothing is left of it.
  @discardableResult
  package func close() -> Bool {
    if isOpen && (try? server.machine.endExport(identifier)) == nil { return false }
    isOpen = false
    for number in 0..<heldCount { try? server.machine.executeUnlessGone(release(number)) }
    heldCount = 0
    return true
  }

  private func error(_ sentence: String) -> QmpError {
    QmpError(.unsuitable, object: disk.name, sentence: sentence)
  }
}

extension QmpCommand {
  /// Ends an export, whoever is using it.
  static func exportEnd(_ identifier: String) -> QmpCommand {
    QmpCommand("block-export-del", ["id": .string(identifier), "mode": .string("hard")])
  }
}

extension VirtualMachine {
  /// Returns when the export is gone: only then what it exported can be changed or removed.
  func endExport(_ identifier: String) throws(QmpError) {
    try executeUnlessGone(.exportEnd(identifier))
    let deadline = Deadline(seconds: Self.exportEndSeconds)
    // Asked, not heard of: through libvirt nothing is heard.
    while try channel.execute("query-block-exports").array?.contains(where: {
      $0["id"]?.string == identifier
    }) == true {
      if deadline.isOver {
        throw QmpError(.late, object: name, sentence: "the export '\(identifier)' does not end")
      }
      Deadline.sleep(seconds: 0.002)
    }
  }

  private static let exportEndSeconds = 5.0
}
