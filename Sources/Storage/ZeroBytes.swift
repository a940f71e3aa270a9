// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc

/// A chunk of zeros for everybody. It is never written, so the kernel gives it one page of
/// real memory at most.
///
/// ## Concurrency
/// Constant; this is the guard of `@unchecked`.
@safe final class ZeroBytes: @unchecked Sendable {
  static let shared = ZeroBytes()

  let bytes: UnsafeRawBufferPointer

  private init() {
    let count = Zeroing.writtenChunkByteCount
    guard let memory = unsafe calloc(1, count) else {
      Exhaustion.end(lacking: "memory for its buffers")
    }
    unsafe bytes = UnsafeRawBufferPointer(start: memory, count: count)
  }
}
