// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization

@testable import Storage

/// A real server of one export: qemu-nbd or nbdkit at a socket of the test's own. It ends with
/// this object, and also when the test process does: its keeper reads from a pipe of ours.
final class NbdServer {
  private let keeper = Process()
  private let input: Pipe
  let socket: String
  /// One after the other, or one would inherit the other's pipe.
  private static let starting = Mutex(())

  /// `words` start the server at that socket, or at a port where `socket` is empty.
  private init(_ words: [String], socket: String) throws {
    self.socket = socket
    input = Self.starting.withLock { _ in
      let pipe = Pipe()
      _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
      return pipe
    }
    keeper.executableURL = URL(fileURLWithPath: "/bin/sh")
    keeper.arguments = ["-c", "\"$@\" </dev/null & read line; kill -9 $!", "sh"] + words
    keeper.standardInput = input
    keeper.standardOutput = FileHandle.nullDevice
    keeper.standardError = FileHandle.nullDevice
    try Self.starting.withLock { _ in try keeper.run() }
    if socket.isEmpty { return }
    let deadline = Date() + 20
    while !Self.listens(socket) {
      guard Date() < deadline else {
        throw Command.Failed(description: "no server: \(words.joined(separator: " "))")
      }
      usleep(5000)
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
    try? input.fileHandleForWriting.close()
    keeper.waitUntilExit()
  }

  private static func newSocket(_ scratch: Scratch) -> String {
    // A socket's path has 107 bytes at most.
    scratch.file("\(UInt32.random(in: 0 ... .max)).sock")
  }

  static func qemu(
    _ scratch: Scratch, _ image: String, format: String = "raw", _ options: String...
  ) throws -> NbdServer {
    let socket = newSocket(scratch)
    return try NbdServer(
      ["qemu-nbd", "--persistent", "--socket", socket, "--format", format] + options + [image],
      socket: socket)
  }

  static func kit(_ scratch: Scratch, _ words: String...) throws -> NbdServer {
    try kit(scratch, words)
  }

  static func kit(_ scratch: Scratch, _ words: [String]) throws -> NbdServer {
    let socket = newSocket(scratch)
    return try NbdServer(
      ["nbdkit", "--foreground", "--unix", socket] + words, socket: socket)
  }

  /// At a port of this machine, soon after this.
  static func kit(port: UInt16, _ words: String...) throws -> NbdServer {
    try NbdServer(
      ["nbdkit", "--foreground", "--ip-addr", "127.0.0.1", "--port", "\(port)"] + words, socket: "")
  }

  var address: NbdAddress {
    get throws { try NbdAddress(unixSocket: socket) }
  }

  func image() throws -> NbdImage { try NbdImage(address) }

  func target(
    of byteCount: UInt64, sizePolicy: SizePolicy = .resize, keepsSparse: Bool = true,
    isDryRun: Bool = false
  ) throws -> NbdTarget {
    let address = try address
    return try NbdTarget.open(
      TargetRequest(
        path: address.text, suggestedName: "x", sourceByteCount: byteCount,
        sizePolicy: sizePolicy, isDryRun: isDryRun, keepsSparse: keepsSparse),
      at: address)
  }
}
