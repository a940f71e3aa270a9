// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A descriptor that text goes to, unbuffered: what is written is out before a signal or a
/// second thread ends the process.
struct TextOutput: Sendable {
  static let standardOutput = TextOutput(descriptor: STDOUT_FILENO)
  static let standardError = TextOutput(descriptor: STDERR_FILENO)

  let descriptor: Int32

  var isTerminal: Bool { isatty(descriptor) == 1 }

  /// Writes all of it. The result is nil, or the error number that stopped it.
  func write(_ text: String) -> Int32? {
    var text = text
    return text.withUTF8 { bytes in
      var written = 0
      while written < bytes.count {
        let rest = bytes.extracting(written...)
        let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count >= 0 {
          written += count
        } else if errno == EAGAIN {
          waitUntilWritable()
        } else if errno != EINTR {
          return errno
        }
      }
      return nil
    }
  }

  /// Whether a line can be written without waiting for a reader.
  var hasRoom: Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return unsafe poll(&request, 1, 0) == 1
  }

  /// Someone has made the terminal or pipe that we share non-blocking.
  private func waitUntilWritable() {
    var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    unsafe poll(&request, 1, -1)
  }
}
