// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Qemu
import Transfer

/// Where the memory of a machine goes: a QEMU at the other end that was started with
/// `-incoming defer`, known by its monitor's socket there. Its sockets are reached over the remote
/// shell, or directly when they are on this machine.
///
/// ## Concurrency
/// All calls come from one thread.
final class MemoryPlace {
  private let path: String
  private let location: Location
  private let settings: Settings
  private let announce: Announce
  private var relays: [SocketRelay] = []

  /// - Parameter location: the target of the move.
  init(
    _ path: String, at location: Location, settings: Settings, announce: @escaping Announce
  ) {
    self.path = path
    self.location = location
    self.settings = settings
    self.announce = announce
  }

  private var displayed: String {
    switch location {
    case .local: path
    case .remote(let remote): "\(remote.host):\(path)"
    }
  }

  func connectMonitor() throws(TransferError) -> VirtualMachine {
    let socket = try connect(to: path)
    let name = displayed
    return try asking(.target) { () throws(QmpError) in
      try VirtualMachine(over: socket, named: name)
    }
  }

  /// A socket that leads to where that machine waits for the memory.
  func openWay(for machine: VirtualMachine) throws(TransferError) -> Int32 {
    let memoryPath = "\(path)\(RelayServer.singleUse)\(getpid())"
    try asking(.target) { () throws(QmpError) in try machine.awaitMemory(at: memoryPath) }
    return try connect(to: memoryPath)
  }

  private func connect(to path: String) throws(TransferError) -> Int32 {
    switch location {
    case .remote(let remote):
      let relay = try SocketRelay(to: path, at: remote, settings: settings, announce: announce)
      relays.append(relay)
      return relay.socket
    case .local:
      let socket = linux_local_socket()
      guard unsafe socket >= 0 && linux_connect_path(socket, path) == 0 else {
        let reason = unsafe String(cString: strerror(errno))
        if socket >= 0 { Glibc.close(socket) }
        throw TransferError(.target, "\(path): connect: \(reason)", status: .failed)
      }
      if path.contains(RelayServer.singleUse) { _ = unsafe unlink(path) }
      return socket
    }
  }

  /// The sockets must not be used any more.
  func close() {
    for relay in relays { relay.stop() }
    relays = []
  }
}
