// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// A data message that has been opened and whose pages have been hashed, so that only comparing
/// and writing are left to do.
struct ReceivedBatch: Sendable {
  let content: DataBatchContent
  let pages: ReceivedPages

  init(
    _ batch: DataBatch, shape: ImageShape, using decompressor: Decompressor
  ) throws(WireError) {
    let content = try batch.content(shape: shape, using: decompressor)
    self.content = content
    pages = unsafe content.withPageBytes { bytes in
      unsafe ReceivedPages(content.entries, bytes: bytes, shape: shape)
    }
  }

  /// Lends the bytes of pages that follow each other in the batch.
  func withBytes<Result, Failure: Error>(
    of slots: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe content.withPageBytes { (whole) throws(Failure) -> Result in
      try unsafe body(pages.bytes(of: slots, in: whole))
    }
  }
}
