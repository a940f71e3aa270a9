// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// The NBD server inside of a machine, for a run: bitmaps are read from it, and disks that are more
/// than a file.
///
/// Whoever has QEMU's own socket hands it a socket to listen at that lies in a folder of ours: so
/// neither QEMU's rights nor its root matter, and no other user can come in. Through libvirt QEMU
/// makes the socket itself, where it may.
///
/// A machine has one such server. One that is somebody else's is not touched: then there is none
/// for us.
///
/// ## Concurrency
/// All calls come from one thread.
package final class MachineServer: @unchecked Sendable {
  let machine: VirtualMachine
  /// What it makes in the file system.
  package let directory: String
  /// Where it listens, while it does.
  private(set) var socketPath: String?

  private static let descriptorName = "socket"
  /// Where a QEMU of libvirt's may make sockets.
  private static let directories = ["/var/lib/libvirt/qemu", "/run", "/tmp"]

  package init(for machine: VirtualMachine) {
    self.machine = machine
    directory = "\(Self.base)/\(machine.token.name("nbd"))"
  }

  private static var base: String {
    if let own = unsafe getenv("XDG_RUNTIME_DIR") {
      let path = unsafe String(cString: own)
      if path.hasPrefix("/") && path.utf8.count < longestBase { return path }
    }
    return geteuid() == 0 ? "/run" : "/tmp"
  }

  /// Names of sockets are short.
  private static let longestBase = 40

  /// What ends the server and all that is exported by it.
  package var undo: [QmpCommand] { [QmpCommand("nbd-server-stop")] }
  /// What is to be removed after that, in this order.
  package var undoPaths: [String] { candidates + [directory] }

  private var candidates: [String] {
    let name = machine.token.name("nbd.sock")
    return switch machine.address {
    case .socket: ["\(directory)/socket"]
    case .domain: Self.directories.map { "\($0)/\(name)" }
    }
  }

  package func start() throws(QmpError) {
    if socketPath != nil { return }
    guard unsafe mkdir(directory, 0o700) == 0 || errno == EEXIST else {
      throw failure(directory, errno)
    }
    if let socket = machine.channel as? QmpSocket {
      try start(giving: socket, at: candidates[0])
    } else {
      try startElsewhere()
    }
  }

  private func start(giving channel: QmpSocket, at path: String) throws(QmpError) {
    let listener = linux_local_socket()
    defer { if listener >= 0 { close(listener) } }
    guard listener >= 0, unsafe linux_bind_path(listener, path) == 0 else {
      throw failure(path, errno)
    }
    try channel.give(listener, named: machine.token.name(Self.descriptorName))
    try ask([
      "type": .string("fd"),
      "data": .object(["str": .string(machine.token.name(Self.descriptorName))]),
    ])
    socketPath = path
  }

  private func startElsewhere() throws(QmpError) {
    var last: QmpError?
    for path in candidates {
      do throws(QmpError) {
        try ask(["type": .string("unix"), "data": .object(["path": .string(path)])])
        socketPath = path
        return
      } catch {
        guard case .refused = error.kind, !Self.isTaken(error) else { throw error }
        last = error
      }
    }
    if let last { throw last }
  }

  private func ask(_ address: KeyValuePairs<String, JSON>) throws(QmpError) {
    do throws(QmpError) {
      try machine.channel.execute("nbd-server-start", ["addr": .object(address)])
    } catch {
      guard Self.isTaken(error) else { throw error }
      throw QmpError(
        .unsuitable, object: machine.name,
        sentence: "the machine has an NBD server of somebody else's already",
        hint: "end it (nbd-server-stop, or the backup that uses it) and run again")
    }
  }

  private static func isTaken(_ error: QmpError) -> Bool {
    error.sentence.contains("already running")
  }

  private func failure(_ path: String, _ number: Int32) -> QmpError {
    QmpError(
      .unsuitable, object: path,
      sentence: unsafe "cannot be made: \(String(cString: strerror(number)))")
  }

  /// Ends it, whatever is still exported. May be called at any time, and more than once.
  /// - Returns: whether nothing is left of it.
  @discardableResult
  package func stop() -> Bool {
    if socketPath != nil {
      for command in undo where (try? machine.executeUnlessGone(command)) == nil { return false }
    }
    socketPath = nil
    for path in undoPaths where unsafe unlink(path) != 0 { unsafe rmdir(path) }
    return true
  }
}
