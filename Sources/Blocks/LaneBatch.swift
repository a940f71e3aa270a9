// SPDX-License-Identifier: Apache-2.0

internal import CLanes

/// Messages of one length that are to be hashed side by side, named by where they begin.
///
/// It holds as many as a segment has pages, on the stack. The caller keeps the bytes where
/// they are until the batch is hashed.
@safe struct LaneBatch {
  static let capacity = 256

  private var starts = unsafe InlineArray<256, UnsafeRawPointer?>(repeating: nil)
  private(set) var count = 0

  mutating func append(_ start: UnsafeRawPointer) {
    unsafe starts[count] = unsafe start
    count += 1
  }

  /// Hashes whole pages and leaves their digests side by side, in order of appending.
  func hashPages(into result: UnsafeMutablePointer<Digest>) {
    unsafe starts.span.withUnsafeBufferPointer { starts in
      unsafe lanes_digest(starts.baseAddress!, count, Geometry.pageByteCount, nil, result)
    }
  }

  /// The same for nodes of 16 children each.
  func hashNodes(level: Int, into result: UnsafeMutablePointer<Digest>) {
    unsafe starts.span.withUnsafeBufferPointer { starts in
      unsafe NodeHasher.digests(
        ofFullNodesWith: UnsafeBufferPointer(rebasing: starts[..<count]), level: level,
        into: result)
    }
  }
}
