// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Where bytes go one after the other: a pipe, a socket, a file that was opened by somebody else.
///
/// ## Concurrency
/// Used by one thread at a time.
package final class ByteOutput: Sendable {
  /// How sentences call it.
  package let name: String
  private let descriptor: Descriptor

  /// What a pipe is made to hold, where that is allowed: a record of a mebibyte.
  static let pipeByteCount: Int32 = 1 << 20

  /// Takes the descriptor over.
  package init(descriptor number: Int32, name: String) {
    descriptor = Descriptor(number, calls: .kernel)
    self.name = name
    _ = linux_widen_pipe(number, Self.pipeByteCount)
  }

  package static func standardOutput() throws(StorageError) -> ByteOutput {
    ByteOutput(
      descriptor: try duplicate(STDOUT_FILENO, "standard output"), name: "standard output")
  }

  /// Writes all of it, waiting for whoever reads.
  @unsafe package func write(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
    var written = 0
    while written < bytes.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
      let count = unsafe Glibc.write(descriptor.number, rest.baseAddress, rest.count)
      let number = errno
      if count >= 0 {
        written += count
      } else if number == EAGAIN {
        Self.wait(for: POLLOUT, on: descriptor.number)
      } else if number != EINTR {
        throw StorageError(
          .system(number), object: name, operation: "write",
          hint: number == EPIPE ? "whoever was to read it has ended; see what it said" : nil)
      }
    }
  }

  package func write(_ bytes: [UInt8]) throws(StorageError) {
    try unsafe bytes.span.withUnsafeBytes { (bytes) throws(StorageError) in
      try unsafe write(bytes)
    }
  }

  /// Some errors of a file come only now.
  package func close() throws(StorageError) {
    do throws(SystemError) {
      try descriptor.close()
    } catch {
      throw StorageError(.system(error.number), object: name, operation: "close")
    }
  }

  static func duplicate(_ number: Int32, _ name: String) throws(StorageError) -> Int32 {
    do throws(SystemError) {
      return try duplicate(number)
    } catch {
      throw StorageError(.system(error.number), object: name, operation: "open")
    }
  }

  static func duplicate(_ number: Int32) throws(SystemError) -> Int32 {
    let copy = dup(number)
    if copy < 0 { throw SystemError(number: errno) }
    return copy
  }

  /// Somebody has made a descriptor that we share non-blocking.
  static func wait(for events: Int32, on number: Int32) {
    var request = pollfd(fd: number, events: Int16(events), revents: 0)
    unsafe poll(&request, 1, -1)
  }
}
