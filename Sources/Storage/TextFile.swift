// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Small files in which the kernel describes itself (/proc, /sys).
enum TextFile {
  /// More than any of them has; a machine with more mounts than this is told nothing.
  static let maximumByteCount = 16 << 20

  /// All of the text, or nil when it cannot be read.
  static func read(_ path: String) -> String? {
    guard let file = try? SystemCalls.kernel.open(path, in: AT_FDCWD, flags: O_RDONLY) else {
      return nil
    }
    var bytes: [UInt8] = []
    while bytes.count < maximumByteCount {
      // procfs hands out whole lines, at most a page or so at a time.
      var chunk = [UInt8](repeating: 0, count: 65536)
      let offset = UInt64(bytes.count)
      let count = unsafe chunk.withUnsafeMutableBytes { space in
        unsafe (try? SystemCalls.kernel.read(file.number, space, at: offset)) ?? 0
      }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
    return nil
  }
}
