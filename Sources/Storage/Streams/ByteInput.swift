// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Bytes that come one after the other, from a pipe, a socket or a file: what is read once and in
/// order, and has no size that could be known before.
///
/// ## Concurrency
/// Used by one thread at a time.
package final class ByteInput: Sendable {
  /// How sentences call it.
  package let name: String
  private let descriptor: Descriptor
  /// Where a file stood when it was given to us; nil of what cannot be read twice.
  private let beginning: off_t?

  /// Takes the descriptor over.
  package init(descriptor number: Int32, name: String) {
    descriptor = Descriptor(number, calls: .kernel)
    self.name = name
    _ = linux_widen_pipe(number, ByteOutput.pipeByteCount)
    var status = stat()
    let isFile = unsafe fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    let position = isFile ? lseek(number, 0, SEEK_CUR) : -1
    beginning = position >= 0 ? position : nil
  }

  package static func standardInput() throws(StorageError) -> ByteInput {
    ByteInput(
      descriptor: try ByteOutput.duplicate(STDIN_FILENO, "standard input"), name: "standard input")
  }

  /// A file, a pipe with a name, whatever can be read from its beginning.
  package static func open(_ path: String) throws(StorageError) -> ByteInput {
    do throws(SystemError) {
      let opened = try SystemCalls.kernel.open(path, in: AT_FDCWD, flags: O_RDONLY | O_NOCTTY)
      let status = try SystemCalls.kernel.status(opened.number)
      if status.st_mode & S_IFMT == S_IFDIR { throw SystemError(number: EISDIR) }
      return ByteInput(descriptor: try ByteOutput.duplicate(opened.number), name: path)
    } catch {
      throw .opening(path, error)
    }
  }

  /// Whether it can be read a second time.
  package var canRewind: Bool { beginning != nil }

  /// Goes back to where it began.
  package func rewind() throws(StorageError) {
    guard let beginning, lseek(descriptor.number, beginning, SEEK_SET) == beginning else {
      throw .reading(name, SystemError(number: errno))
    }
  }

  /// Reads what has come, at least one byte; 0 at the end.
  @unsafe package func read(into room: UnsafeMutableRawBufferPointer) throws(StorageError) -> Int {
    while true {
      let count = unsafe Glibc.read(descriptor.number, room.baseAddress, room.count)
      if count >= 0 { return count }
      let number = errno
      if number == EAGAIN {
        ByteOutput.wait(for: POLLIN, on: descriptor.number)
      } else if number != EINTR {
        throw .reading(name, SystemError(number: number))
      }
    }
  }

  /// Whether something can be read, or the end has come, after waiting at most so long.
  package func hasBytes(withinSeconds seconds: Int32) -> Bool {
    var request = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&request, 1, seconds * 1000) > 0
  }
}

extension StorageError {
  fileprivate static func reading(_ name: String, _ error: SystemError) -> StorageError {
    StorageError(.system(error.number), object: name, operation: "read")
  }
}
