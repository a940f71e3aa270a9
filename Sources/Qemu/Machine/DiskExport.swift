// SPDX-License-Identifier: Apache-2.0

import Glibc
package import Storage

/// The content of a disk that is more than a file (qcow2, a part of a file, a disk that is
/// elsewhere), as QEMU gives it out while the guest goes on writing.
///
/// It goes by NBD, except where the device has a thread of its own: QEMU 7.2 would die when the
/// client leaves. There QEMU is asked to show the disk as a file (FUSE), which must be read past
/// the page cache, since nothing tells the kernel when the guest writes.
///
/// ## Concurrency
/// All calls come from one thread.
package final class DiskExport: @unchecked Sendable {
  /// How to read it.
  package enum Access: Equatable, Sendable {
    case export(NbdAddress)
    /// To be read past the page cache.
    case file(String)
  }

  private let disk: MachineDisk
  private let server: MachineServer
  private let identifier: String
  private let file: String
  private var isOpen = false

  /// - Parameter number: different for each disk of the run.
  package init(_ disk: MachineDisk, number: Int, at server: MachineServer) {
    self.disk = disk
    self.server = server
    identifier = server.machine.token.name("d\(number)")
    file = "\(server.directory)/disk\(number)"
  }

  /// What ends it.
  package var undo: [QmpCommand] { [.exportEnd(identifier)] }
  /// What is to be removed after that.
  package var undoPaths: [String] { disk.isInThread ? [file] : [] }

  /// The server must have been started.
  package func open() throws(QmpError) -> Access {
    if disk.isInThread { return .file(try openFile()) }
    guard let socketPath = server.socketPath else {
      throw error("its machine has no NBD server")
    }
    let address: NbdAddress
    do throws(StorageError) {
      address = try NbdAddress(unixSocket: socketPath, exportName: identifier)
    } catch { throw self.error(error.description) }
    try export(["type": .string("nbd"), "name": .string(identifier)])
    return .export(address)
  }

  private func openFile() throws(QmpError) -> String {
    let descriptor = unsafe creat(file, 0o600)
    guard descriptor >= 0 else { throw error("\(file): errno \(errno)") }
    Glibc.close(descriptor)
    do throws(QmpError) {
      try export(["type": .string("fuse"), "mountpoint": .string(file)])
    } catch {
      unsafe unlink(file)
      guard case .refused = error.kind else { throw error }
      throw QmpError(
        .unsuitable, object: disk.name,
        sentence: "a disk in format \(disk.format) with an iothread can only be read as a file "
          + "that QEMU shows, and it does not: \(error.sentence)",
        hint: "run the machine without that iothread, or give QEMU the use of /dev/fuse")
    }
    return file
  }

  private func export(_ members: KeyValuePairs<String, JSON>) throws(QmpError) {
    let common: KeyValuePairs<String, JSON> = [
      "id": .string(identifier), "node-name": .string(disk.node), "writable": .boolean(false),
    ]
    let all = (Array(common) + Array(members)).map { JSON.Member(name: $0.key, value: $0.value) }
    try server.machine.channel.execute(
      QmpCommand("block-export-add", arguments: .object(all)))
    isOpen = true
  }

  /// May be called at any time, and more than once. Nobody may be reading.
  /// - Returns: whether nothing is left of it.
  @discardableResult
  package func close() -> Bool {
    if isOpen && (try? server.machine.endExport(identifier)) == nil { return false }
    isOpen = false
    for path in undoPaths { unsafe unlink(path) }
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
