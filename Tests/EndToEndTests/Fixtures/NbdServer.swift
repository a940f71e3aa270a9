// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// qemu-nbd or nbdkit with one export, at a socket in a test's directory.
final class NbdServer {
  let address: String
  private let socket: String
  private var running: RunningCommand?
  private let duty: Int

  private init(_ words: [String], socket: String) throws {
    self.socket = socket
    address = "nbd+unix:///?socket=\(socket)"
    var command = Command(words)
    command.timeoutSeconds = 300
    let running = try command.start()
    self.running = running
    duty = Janitor.shared.atEnd("kill -9 \(running.identifier)")
    let deadline = Date() + 20
    while !Self.listens(socket) {
      guard Date() < deadline, !running.isOver else {
        throw FixtureError("\(words): \(running.errorSoFar)")
      }
      usleep(10_000)
    }
  }

  deinit { stop() }

  /// A socket has a name before anybody listens at it; the kernel tells which one do.
  private static func listens(_ socket: String) -> Bool {
    // Foundation reads the first page of it only.
    guard let sockets = fopen("/proc/net/unix", "r") else { return false }
    var line: UnsafeMutablePointer<CChar>?
    var room = 0
    defer {
      fclose(sockets)
      free(line)
    }
    while getline(&line, &room, sockets) > 0 {
      let text = String(cString: line!)
      if text.hasSuffix(" \(socket)\n") && text.contains(" 00010000 ") { return true }
    }
    return false
  }

  /// As when its machine loses power.
  func stop() {
    guard let running else { return }
    running.send(SIGKILL)
    running.wait()
    Janitor.shared.forget(duty)
    self.running = nil
    try? FileManager.default.removeItem(atPath: socket)
  }

  static func qemu(
    _ path: String, format: String = "qcow2", _ options: String..., in scratch: Scratch
  ) throws -> NbdServer {
    let socket = scratch.newPath("nbd")
    return try NbdServer(
      ["qemu-nbd", "--persistent", "--socket", socket, "--format", format] + options + [path],
      socket: socket)
  }

  static func kit(
    _ words: String..., in scratch: Scratch, at socket: String? = nil
  ) throws -> NbdServer {
    let socket = socket ?? scratch.newPath("nbd")
    return try NbdServer(["nbdkit", "--foreground", "--unix", socket] + words, socket: socket)
  }
}
