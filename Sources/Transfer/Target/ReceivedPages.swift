// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// What is known of the pages of one batch: their digests, made side by side, and where each of
/// them lies among the batch's bytes.
struct ReceivedPages: Sendable {
  /// In the order of the batch.
  let digests: [Digest]
  /// Where each page begins; one more for the end.
  private let offsets: [Int]

  /// `bytes` are those of all pages.
  @unsafe init(_ entries: [DataBatch.Entry], bytes: UnsafeRawBufferPointer, shape: ImageShape) {
    var offsets = [0]
    var whole: [UnsafeRawPointer] = unsafe []
    var shortSlots: [Int] = []
    for entry in entries {
      let first = entry.segment * Geometry.pagesPerSegment
      for page in entry.pages {
        let length = shape.pageLength(first + page)
        if length < Geometry.pageByteCount {
          shortSlots.append(offsets.count - 1)
        } else {
          unsafe whole.append(bytes.baseAddress! + offsets.last!)
        }
        offsets.append(offsets.last! + length)
      }
    }
    // The last page of an image may be short. A batch should have it once; it may have it often.
    var digests = unsafe PageHasher.digests(of: whole, pageLength: Geometry.pageByteCount)
    for slot in shortSlots {
      let short = unsafe UnsafeRawBufferPointer(rebasing: bytes[offsets[slot]..<offsets[slot + 1]])
      digests.insert(unsafe PageHasher.digest(of: short), at: slot)
    }
    self.offsets = offsets
    self.digests = digests
  }

  /// Those of one page among the bytes of all.
  @unsafe func bytes(
    of slot: Int, in whole: UnsafeRawBufferPointer
  ) -> UnsafeRawBufferPointer {
    unsafe bytes(of: slot..<slot + 1, in: whole)
  }

  @unsafe func bytes(
    of slots: Range<Int>, in whole: UnsafeRawBufferPointer
  ) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(
      rebasing: whole[offsets[slots.lowerBound]..<offsets[slots.upperBound]])
  }
}
