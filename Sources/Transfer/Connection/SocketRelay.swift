// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A unix socket on another machine as if it were here: a server there connects to it and carries
/// the bytes over the remote shell. A server with a restricted key refuses that.
///
/// ## Concurrency
/// Two threads carry the bytes, and end when either end does. `socket` is its caller's to use and
/// to close.
package final class SocketRelay: Sendable {
  /// Our end of the conversation.
  package let socket: Int32
  private let inner: Int32
  private let shell: RemoteShell

  private static let endingSeconds = 2.0

  /// Returns when the server there is connected.
  package init(
    to path: String, at location: RemoteLocation, settings: Settings,
    announce: @escaping Announce
  ) throws(TransferError) {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else {
      throw TransferError(.remote, "socketpair: \(describe(errno))", status: .failed)
    }
    do throws(TransferError) {
      shell = try RemoteShell(
        location, settings: settings,
        serverArguments: ["--server", "relay", "--", path], announce: announce)
    } catch {
      for end in ends { close(end) }
      throw error
    }
    socket = ends[0]
    inner = ends[1]
    let (inner, shell) = (ends[1], shell)
    var mark: UInt8 = 0
    guard unsafe read(shell.input, &mark, 1) == 1, mark == RelayServer.mark else {
      for end in ends { close(end) }
      shell.terminate(afterSeconds: Self.endingSeconds)
      shell.finish()
      throw TransferError(
        .remote,
        "\(location.displayed(path)): \(shell.lastWords.last ?? "cannot be reached from there")",
        hint: "is the machine there started, and waiting at this socket?", status: .remote)
    }
    _ = WorkerThread {
      SocketPump.run(from: shell.input, to: inner)
      shutdown(inner, Int32(SHUT_WR))
    }
    _ = WorkerThread {
      SocketPump.run(from: inner, to: shell.output)
      close(shell.output)
    }
  }

  /// Ends it, whatever is on its way.
  package func stop() {
    shutdown(inner, Int32(SHUT_RDWR))
    shell.terminate(afterSeconds: Self.endingSeconds)
  }
}

extension RemoteLocation {
  fileprivate func displayed(_ path: String) -> String { placed(path) }
}
