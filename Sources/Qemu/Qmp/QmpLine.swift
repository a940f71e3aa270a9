// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// The two ways of a monitor's socket, line by line, each with a limit to its time and length.
///
/// ## Concurrency
/// Its owner guards it.
struct QmpLine {
  private let object: String
  private var socket: Int32
  private var pending: [UInt8] = []
  /// Bytes of `pending` that hold no line end.
  private var searched = 0

  /// Where what comes is put first. Answers are short; there is a pause in which many are awaited.
  private var chunk = [UInt8](repeating: 0, count: 1 << 14)

  /// How long to wait before the next try where others wait in a row already.
  private static let rowSeconds = 0.05

  init(path: String, _ deadline: Deadline) throws(QmpError) {
    object = path
    socket = linux_local_socket()
    _ = fcntl(socket, F_SETFL, O_NONBLOCK)
    while unsafe socket < 0 || linux_connect_path(socket, path) != 0 {
      let number = errno
      if socket >= 0 && number == EAGAIN && !deadline.isOver {
        Deadline.sleep(seconds: Self.rowSeconds)
        continue
      }
      if socket >= 0 { Glibc.close(socket) }
      throw QmpError(
        .lost, object: path, sentence: "connect: \(Self.text(number))",
        hint: number == ECONNREFUSED || number == ENOENT
          ? "does the machine run, with '-qmp unix:\(path),server=on,wait=off'?" : nil)
    }
  }

  /// Who listens there: nil where the kernel does not say.
  var peerProcess: Int32? {
    var process: Int32 = 0
    return unsafe linux_peer_process(socket, &process) == 0 && process > 0 ? process : nil
  }

  /// Over a socket that is connected already, and ours from now on.
  init(socket: Int32, object: String) {
    self.object = object
    self.socket = socket
    _ = fcntl(socket, F_SETFL, O_NONBLOCK)
  }

  mutating func close() {
    if socket >= 0 { Glibc.close(socket) }
    socket = -1
  }

  /// - Parameter descriptor: travels with the first byte.
  func write(
    _ bytes: [UInt8], _ deadline: Deadline, with descriptor: Int32? = nil
  ) throws(QmpError) {
    var done = 0
    if let descriptor {
      let count = unsafe linux_send_with_descriptor(socket, bytes, 1, descriptor)
      guard count == 1 else { throw lost(errno) }
      done = 1
    }
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { bytes in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
        let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
        return unsafe send(socket, rest.baseAddress, rest.count, flags)
      }
      if count >= 0 {
        done += count
      } else if errno == EAGAIN {
        try watch(POLLOUT, deadline, "it takes no more commands", .lost)
      } else if errno != EINTR {
        throw lost(errno)
      }
    }
  }

  /// The next line without its end.
  mutating func read(_ deadline: Deadline) throws(QmpError) -> [UInt8] {
    while true {
      if let end = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(pending[..<end])
        pending.removeFirst(end + 1)
        searched = 0
        return line
      }
      searched = pending.count
      if pending.count > JSONParser.maximumByteCount {
        throw QmpError(.malformed, object: object, sentence: "its message does not end")
      }
      try watch(POLLIN, deadline, "no answer in time", .late)
      try readMore()
    }
  }

  private mutating func readMore() throws(QmpError) {
    let count = unsafe chunk.withUnsafeMutableBytes { bytes in
      unsafe recv(socket, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
    }
    if count > 0 {
      pending.append(contentsOf: chunk[..<count])
    } else if count == 0 {
      throw QmpError(.lost, object: object, sentence: "QEMU has closed the connection")
    } else if errno != EINTR && errno != EAGAIN {
      throw lost(errno)
    }
  }

  /// - Parameter kind: half a command is worse than none; an answer may still come.
  private func watch(
    _ events: Int32, _ deadline: Deadline, _ sentence: String, _ kind: QmpError.Kind
  ) throws(QmpError) {
    var waited = pollfd(fd: socket, events: Int16(events), revents: 0)
    while true {
      let count = unsafe poll(&waited, 1, deadline.milliseconds)
      if count > 0 { return }
      if count < 0 && errno != EINTR { throw lost(errno) }
      if deadline.isOver {
        throw QmpError(kind, object: object, sentence: sentence)
      }
    }
  }

  private func lost(_ number: Int32) -> QmpError {
    QmpError(.lost, object: object, sentence: Self.text(number))
  }

  private static func text(_ number: Int32) -> String {
    unsafe String(cString: strerror(number))
  }
}
