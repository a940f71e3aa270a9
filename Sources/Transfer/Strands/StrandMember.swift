// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Wire

/// The process behind a further connection at the server's end: it hands its standard input and
/// output over to the server of the run, and then only stays until that one is done with them,
/// because with it the connection would end.
package enum StrandMember {
  /// Joins the run that is behind this name, and returns when it is over.
  package static func join(_ name: String) throws(TransferError) {
    signal(SIGPIPE, SIG_IGN)
    let server = try handOver(input: 0, output: 1, to: name)
    defer { close(server) }
    try letGo()
    stay(with: server)
  }

  /// Gives a connection to the server behind a name, and returns the socket that the server closes
  /// when it is done.
  static func handOver(
    input: Int32, output: Int32, to name: String
  ) throws(TransferError) -> Int32 {
    guard Invitation.isName(name) else {
      throw TransferError(.remote, "'\(name)' is no name of a run", status: .usage)
    }
    let socket = linux_local_socket()
    guard socket >= 0 else { throw failure("socket") }
    do throws(TransferError) {
      guard unsafe linux_connect_name(socket, StrandDoor.address(name)) == 0 else {
        throw failure("the run is not on this machine, or over")
      }
      guard StrandDoor.isOurUser(socket) else {
        throw TransferError(.remote, "the run is another user's", status: .refused)
      }
      guard unsafe linux_send_descriptors(socket, [input, output]) == 0 else {
        throw failure("sendmsg")
      }
    } catch {
      close(socket)
      throw error
    }
    return socket
  }

  private static func stay(with server: Int32) {
    var byte: UInt8 = 0
    while true {
      let count = unsafe read(server, &byte, 1)
      if count == 0 || (count < 0 && errno != EINTR) { return }
    }
  }

  /// What was handed over must end when the server closes it.
  private static func letGo() throws(TransferError) {
    let nothing = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    guard nothing >= 0, dup2(nothing, 0) == 0, dup2(nothing, 1) == 1 else {
      throw failure("/dev/null")
    }
    close(nothing)
  }

  private static func failure(_ sentence: String) -> TransferError {
    TransferError(.remote, "\(sentence): \(describe(errno))", status: .remote)
  }
}
