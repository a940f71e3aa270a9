// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Carries bytes from one descriptor to another until there are no more, for conversations that
/// are not ours.
enum SocketPump {
  private static let chunkByteCount = 1 << 18

  /// Returns when `source` has ended, or `target` takes no more. Neither is closed.
  static func run(from source: Int32, to target: Int32) {
    var chunk = [UInt8](repeating: 0, count: chunkByteCount)
    while true {
      let count = unsafe read(source, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return }
      var done = 0
      while done < count {
        let written = unsafe chunk.withUnsafeBytes { bytes in
          unsafe write(target, bytes.baseAddress! + done, count - done)
        }
        if written < 0 && errno == EINTR { continue }
        if written <= 0 { return }
        done += written
      }
    }
  }
}
