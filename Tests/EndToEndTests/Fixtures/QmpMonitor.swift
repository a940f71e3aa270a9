// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A monitor of a virtual machine that is the tests' own: not the one that blkmove is given, since
/// QEMU serves one client at a time on each.
final class QmpMonitor {
  private let socket: Int32
  private var pending = Data()
  private(set) var events: [String] = []

  init(_ path: String, timeoutSeconds: Int = 20) throws {
    socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
    var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    let byteCount = socklen_t(MemoryLayout<sockaddr_un>.size)
    let deadline = Date() + 20
    while true {
      let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, byteCount) }
      }
      if result == 0 { break }
      guard Date() < deadline else { throw FixtureError("\(path): no monitor: errno \(errno)") }
      usleep(20_000)
    }
    _ = try line()
    try execute("qmp_capabilities")
  }

  deinit { close(socket) }

  /// What QEMU answers.
  @discardableResult
  func execute(_ command: String, _ arguments: [String: Any] = [:]) throws -> Any {
    var request: [String: Any] = ["execute": command]
    if !arguments.isEmpty { request["arguments"] = arguments }
    let bytes = try JSONSerialization.data(withJSONObject: request) + Data("\n".utf8)
    let count = bytes.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, 0x4000) }
    guard count == bytes.count else { throw FixtureError("\(command): the monitor is gone") }
    while true {
      let answer = try line()
      if let event = answer["event"] as? String { events.append(event) }
      if let result = answer["return"] { return result }
      if let error = answer["error"] { throw FixtureError("\(command): \(error)") }
    }
  }

  /// "running", "paused", "postmigrate", ...
  var runState: String {
    get throws {
      (try execute("query-status") as? [String: Any])?["status"] as? String ?? "unknown"
    }
  }

  private func line() throws -> [String: Any] {
    while true {
      if let end = pending.firstIndex(of: 10) {
        let text = pending[..<end]
        pending = Data(pending[pending.index(after: end)...])
        let value = try JSONSerialization.jsonObject(with: Data(text))
        return value as? [String: Any] ?? [:]
      }
      var chunk = [UInt8](repeating: 0, count: 65536)
      let count = recv(socket, &chunk, chunk.count, 0)
      guard count > 0 else { throw FixtureError("the monitor says nothing: errno \(errno)") }
      pending.append(contentsOf: chunk[..<count])
    }
  }
}
