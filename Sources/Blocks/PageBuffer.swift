// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Memory that begins on a page boundary, as reads past the page cache need it.
///
/// It is zeroed when it is made, so that nothing of this process ever leaves it by mistake.
///
/// ## Concurrency
/// The pointer never changes. Who may touch the bytes is agreed on by the owners: a buffer is
/// handed from one thread to the next through a queue, and only its holder reads or writes.
@safe package final class PageBuffer: @unchecked Sendable {
  package let byteCount: Int
  @unsafe package let bytes: UnsafeMutableRawBufferPointer

  package init(byteCount: Int) {
    precondition(byteCount >= 0, "a buffer has no negative size")
    self.byteCount = byteCount
    let pageCount = max(1, (byteCount + Geometry.pageByteCount - 1) / Geometry.pageByteCount)
    let space = unsafe aligned_alloc(
      Geometry.pageByteCount, pageCount * Geometry.pageByteCount)
    guard let space = unsafe space else { Exhaustion.end(lacking: "memory for its buffers") }
    unsafe bytes = UnsafeMutableRawBufferPointer(start: space, count: byteCount)
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { unsafe free(bytes.baseAddress) }
}
