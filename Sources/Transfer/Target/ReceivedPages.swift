// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// The pages of one batch, hashed side by side, and where each of them lies in the batch.
///
/// It borrows the batch's bytes and must not outlive them.
@safe
struct ReceivedPages: ~Copyable {
  /// In the order of the batch.
  let digests: [Digest]
  private let bytes: UnsafeRawBufferPointer
  /// Where each page begins; one more for the end.
  private let offsets: [Int]

  @unsafe init(_ entries: [DataBatch.Entry], bytes: UnsafeRawBufferPointer, shape: ImageShape) {
    unsafe self.bytes = bytes
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

  @unsafe func bytes(of slot: Int) -> UnsafeRawBufferPointer { unsafe bytes(of: slot..<slot + 1) }

  @unsafe func bytes(of slots: Range<Int>) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(
      rebasing: bytes[offsets[slots.lowerBound]..<offsets[slots.upperBound]])
  }
}
