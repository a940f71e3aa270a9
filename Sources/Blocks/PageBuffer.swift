// SPDX-License-Identifier: Apache-2.0

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
    unsafe bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: byteCount, alignment: Geometry.pageByteCount)
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { unsafe bytes.deallocate() }
}
