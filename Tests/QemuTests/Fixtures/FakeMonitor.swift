// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A monitor that says what a test wants it to, however wrong it is.
final class FakeMonitor: @unchecked Sendable {
  /// One client's connection, inside of a test's script.
  struct Client {
    let socket: Int32

    func say(_ text: String) {
      let bytes = Array(text.utf8)
      _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// What the client sent; "" when it is gone.
    func hear() -> String {
      var line: [UInt8] = []
      var byte: UInt8 = 0
      while recv(socket, &byte, 1, 0) == 1 {
        if byte == 10 { return String(decoding: line, as: UTF8.self) }
        line.append(byte)
      }
      return ""
    }

    func greet() {
      say("{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n")
      _ = hear()
      say("{\"return\": {}, \"id\": 1}\r\n")
    }
  }

  let path: String
  private let socket: Int32

  /// Plays the script for each client, one after the other, then hangs up.
  init(at path: String, _ script: @escaping @Sendable (Client) -> Void) {
    self.path = path
    socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    let byteCount = socklen_t(MemoryLayout<sockaddr_un>.size)
    _ = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, byteCount) }
    }
    listen(socket, 8)
    let door = socket
    Thread {
      while true {
        let client = accept(door, nil, nil)
        // Its number may be given to the next one, so it is closed when nobody will ask for it.
        if client < 0 {
          close(door)
          return
        }
        script(Client(socket: client))
        close(client)
      }
    }.start()
  }

  deinit {
    shutdown(socket, Int32(SHUT_RDWR))
  }
}
