// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

extension ImageFile {
  /// The first byte in which two images differ, or the size of the shorter one; nil when they are
  /// equal. Where both have a hole nothing is read, so 8 TiB are as quick as their content.
  func firstDifference(from other: ImageFile, byteCount limit: UInt64? = nil) throws -> UInt64? {
    try withDescriptor(O_RDONLY) { left in
      try other.withDescriptor(O_RDONLY) { right in
        let sizes = [left, right].map { UInt64(lseek($0, 0, SEEK_END)) }
        let end = min(limit ?? .max, sizes[0], sizes[1])
        var buffers = [
          [UInt8](repeating: 0, count: 1 << 20), [UInt8](repeating: 0, count: 1 << 20),
        ]
        var offset: UInt64 = 0
        while true {
          let starts = [left, right].compactMap { Self.nextData($0, from: offset, end: end) }
          guard let start = starts.min() else { break }
          let count = Int(min(1 << 20, end - start))
          guard pread(left, &buffers[0], count, off_t(start)) == count,
            pread(right, &buffers[1], count, off_t(start)) == count
          else { throw FixtureError("\(path) or \(other.path): cannot be read at \(start)") }
          if memcmp(buffers[0], buffers[1], count) != 0 {
            let index = (0..<count).first { buffers[0][$0] != buffers[1][$0] }!
            return start + UInt64(index)
          }
          offset = start + UInt64(count)
        }
        return limit == nil && sizes[0] != sizes[1] ? end : nil
      }
    }
  }
}

/// Two images hold the same bytes, all of them or the first so many.
func expectEqual(
  _ left: ImageFile, _ right: ImageFile, byteCount: UInt64? = nil, _ comment: Comment? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let difference = try left.firstDifference(from: right, byteCount: byteCount)
  #expect(difference == nil, comment, sourceLocation: sourceLocation)
}
