// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Memory that begins on a page boundary, as reads past the page cache need it.
///
/// It is zero when it is made, so that nothing of this process ever leaves it by mistake; large
/// ones cost memory and time only where they are used.
///
/// ## Concurrency
/// The pointer never changes. Who may touch the bytes is agreed on by the owners: a buffer is
/// handed from one thread to the next through a queue, and only its holder reads or writes.
@safe package final class PageBuffer: @unchecked Sendable {
  package let byteCount: Int
  @unsafe package let bytes: UnsafeMutableRawBufferPointer
  private let allocation: UnsafeMutableRawPointer

  package init(byteCount: Int) {
    precondition(byteCount >= 0, "a buffer has no negative size")
    self.byteCount = byteCount
    // Unlike a zeroing of our own, calloc leaves pages alone that come fresh from the kernel.
    guard let space = unsafe calloc(1, byteCount + Geometry.pageByteCount) else {
      Exhaustion.end(lacking: "memory for its buffers")
    }
    unsafe allocation = space
    unsafe bytes = UnsafeMutableRawBufferPointer(
      start: space.alignedUp(toMultipleOf: Geometry.pageByteCount), count: byteCount)
  }

  deinit { unsafe free(allocation) }
}
