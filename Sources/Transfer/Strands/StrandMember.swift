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
    guard Invitation.isName(name) else {
      throw TransferError(.remote, "'\(name)' is no name of a run", status: .usage)
    }
    let socket = linux_local_socket()
    guard socket >= 0 else { throw failure("socket") }
    defer { close(socket) }
    guard unsafe linux_connect_name(socket, StrandDoor.address(name)) == 0 else {
      throw failure("the run is not on this machine, or over")
    }
    guard StrandDoor.isOurUser(socket) else {
      throw TransferError(.remote, "the run is another user's", status: .refused)
    }
    guard unsafe linux_send_descriptors(socket, [0, 1]) == 0 else { throw failure("sendmsg") }
    try letGo()
    var byte: UInt8 = 0
    while true {
      let count = unsafe read(socket, &byte, 1)
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
