// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The small files and directories in which the kernel describes itself (/proc, /sys).
///
/// What cannot be read is nil or empty: these are facts to be told, and the kernel's own check
/// (O_EXCL) does not depend on them.
package enum KernelFiles {
  /// More than any of them has; beyond it a file is taken as unreadable.
  static let maximumByteCount = 16 << 20

  /// The whole text.
  package static func text(_ path: String) -> String? {
    guard let file = try? SystemCalls.kernel.open(path, in: AT_FDCWD, flags: O_RDONLY) else {
      return nil
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while bytes.count < maximumByteCount {
      // procfs hands out whole records, often fewer bytes than are asked for.
      let offset = UInt64(bytes.count)
      let count = unsafe chunk.withUnsafeMutableBytes { space in
        unsafe (try? SystemCalls.kernel.read(file.number, space, at: offset)) ?? 0
      }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
    return nil
  }

  /// The first line, without what surrounds it; nil when there is none or it is empty.
  package static func line(_ path: String) -> String? {
    guard let first = text(path)?.split(separator: "\n").first else { return nil }
    let bare = first.drop(while: \.isWhitespace)
    guard let last = bare.lastIndex(where: { !$0.isWhitespace }) else { return nil }
    return String(bare[...last])
  }

  /// The names in a directory, sorted, without `.` and `..`.
  package static func names(in path: String) -> [String] {
    guard let directory = unsafe opendir(path) else { return [] }
    defer { unsafe _ = closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
          unsafe String(cString: $0)
        }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The path with every symbolic link followed.
  package static func resolved(_ path: String) -> String? {
    guard let text = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(text) }
    return unsafe String(cString: text)
  }

  package static func exists(_ path: String) -> Bool { status(path) != nil }

  /// What the path leads to, links followed.
  static func status(_ path: String) -> stat? {
    var result = stat()
    return unsafe fstatat(AT_FDCWD, path, &result, 0) == 0 ? result : nil
  }
}
