// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// The other end of a `SocketRelay`: connects standard input and output to a unix socket of this
/// machine.
package enum RelayServer {
  /// What is said first, when it is connected.
  static let mark = UInt8(ascii: "R")
  /// A socket whose name has this in it was made for one conversation, and goes when that begins.
  package static let singleUse = ".blkmove-"

  /// Whoever was just told to listen there may need a moment.
  private static let patienceSeconds = 10.0
  private static let pauseSeconds = 0.02

  package static func serve(_ path: String) -> ExitStatus {
    signal(SIGPIPE, SIG_IGN)
    let path = Server.expandingHome(path)
    let socket: Int32
    switch connect(to: path) {
    case .success(let made): socket = made
    case .failure(let failure):
      let words = Array("\(path): connect: \(describe(failure.number))\n".utf8)
      _ = unsafe write(STDERR_FILENO, words, words.count)
      return .failed
    }
    if path.contains(singleUse) { _ = unsafe unlink(path) }
    var first = mark
    guard unsafe write(STDOUT_FILENO, &first, 1) == 1 else { return .remote }
    _ = WorkerThread {
      SocketPump.run(from: STDIN_FILENO, to: socket)
      shutdown(socket, Int32(SHUT_WR))
    }
    // When that side has said its last word there is nobody to talk to.
    SocketPump.run(from: socket, to: STDOUT_FILENO)
    return .done
  }

  private struct Failure: Error { var number: Int32 }

  private static func connect(to path: String) -> Result<Int32, Failure> {
    let deadline = Clock.now + patienceSeconds
    while true {
      let socket = linux_local_socket()
      if unsafe socket >= 0 && linux_connect_path(socket, path) == 0 { return .success(socket) }
      let number = errno
      if socket >= 0 { close(socket) }
      let mayCome = number == ENOENT || number == ECONNREFUSED
      if socket < 0 || !mayCome || Clock.now > deadline {
        return .failure(Failure(number: number))
      }
      Clock.sleep(seconds: pauseSeconds)
    }
  }
}
