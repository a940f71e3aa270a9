// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization

/// A socket in the file system that stands for another one until a test cuts what goes through it.
///
/// ## Concurrency
/// One thread accepts and two carry each connection; what is open is under the lock.
final class SocketRelay: Sendable {
  let path: String
  private let other: String
  private struct State {
    var open: [Int32] = []
    var isClosed = false
    var isRefusing = false
    var connectionCount = 0
  }
  private let state = Mutex(State())
  private let listener: Int32

  init(to other: String, at path: String) throws {
    self.other = other
    self.path = path
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | 0o2000000, 0)
    var address = Self.address(path)
    let byteCount = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, byteCount) }
    }
    guard result == 0, listen(listener, 8) == 0 else { throw FixtureError("\(path): \(errno)") }
    Thread.detachNewThread { [weak self, listener] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0, let self else { return }
        self.carry(client)
      }
    }
  }

  deinit {
    cut()
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  /// How many have connected so far.
  var connectionCount: Int { state.withLock { $0.connectionCount } }

  /// Ends every connection that there is. The next one is served again, unless it is refused.
  func cut(refusingMore isRefusing: Bool = false) {
    state.withLock { state in
      state.isRefusing = isRefusing
      for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
  }

  private func carry(_ client: Int32) {
    let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | 0o2000000, 0)
    var address = Self.address(other)
    let byteCount = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(server, $0, byteCount) }
    }
    let isWanted = state.withLock { state in
      guard result == 0, !state.isRefusing else { return false }
      state.connectionCount += 1
      state.open += [client, server]
      return true
    }
    guard isWanted else {
      close(client)
      close(server)
      return
    }
    let left = Mutex(2)
    for (from, to) in [(client, server), (server, client)] {
      Thread.detachNewThread { [weak self] in
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
          let count = recv(from, &chunk, chunk.count, 0)
          guard count > 0, send(to, chunk, count, 0x4000) == count else { break }
        }
        shutdown(from, Int32(SHUT_RDWR))
        shutdown(to, Int32(SHUT_RDWR))
        let isLast = left.withLock { count in
          count -= 1
          return count == 0
        }
        guard isLast else { return }
        self?.state.withLock { $0.open.removeAll { $0 == client || $0 == server } }
        close(client)
        close(server)
      }
    }
  }

  private static func address(_ path: String) -> sockaddr_un {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    return address
  }
}
