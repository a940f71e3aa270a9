// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// What the page cache has of an image: what was read of it since it was made to leave.
extension ImageFile {
  func leaveCache() throws {
    try withDescriptor(O_RDONLY) { file in
      guard fsync(file) == 0, posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0 else {
        throw FixtureError("\(path): \(String(cString: strerror(errno)))")
      }
    }
  }

  func cachedByteCount() throws -> Int {
    let output = try Command.succeed("fincore", "-b", "-n", "-o", "RES", path)
    guard let count = Int(output.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw FixtureError("fincore: \(output)")
    }
    return count
  }
}
