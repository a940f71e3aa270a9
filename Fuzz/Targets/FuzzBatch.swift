// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// The payload of a data message: opened, and its promises held.
func fuzzBatch(_ payload: [UInt8]) {
  guard case .data(let batch)? = try? Message(Frame(type: .data, payload: payload)),
    let content = unsafe try? batch.content(
      shape: FuzzImage.shape, using: FuzzContext.decompressor)
  else { return }
  var byteCount = 0
  for entry in content.entries {
    precondition(entry.segment < FuzzImage.shape.segmentCount && !entry.pages.isEmpty)
    for page in entry.pages {
      byteCount += FuzzImage.shape.pageLength(
        entry.segment * Geometry.pagesPerSegment + page)
    }
  }
  precondition(byteCount == content.pageByteCount && byteCount == batch.pageByteCount)
  unsafe content.withPageBytes { bytes in
    precondition(bytes.count == byteCount)
    _ = unsafe PageHasher.isZero(bytes)
  }
}

/// Kept from input to input, as it is from batch to batch.
private enum FuzzContext {
  /// libFuzzer calls from one thread only.
  nonisolated(unsafe) static let decompressor = Decompressor()
}
