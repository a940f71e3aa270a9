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
    var starts: [UnsafeRawPointer] = unsafe []
    var shortSlot: Int?
    for entry in entries {
      let first = entry.segment * Geometry.pagesPerSegment
      for page in entry.pages {
        let length = shape.pageLength(first + page)
        if length < Geometry.pageByteCount { shortSlot = offsets.count - 1 }
        unsafe starts.append(bytes.baseAddress! + offsets.last!)
        offsets.append(offsets.last! + length)
      }
    }
    self.offsets = offsets
    self.digests = unsafe Self.hash(starts, offsets: offsets, shortSlot: shortSlot)
  }

  /// The last page of an image may be short, and is hashed by itself.
  private static func hash(
    _ starts: [UnsafeRawPointer], offsets: [Int], shortSlot: Int?
  ) -> [Digest] {
    guard let shortSlot else {
      return unsafe PageHasher.digests(of: starts, pageLength: Geometry.pageByteCount)
    }
    var whole = unsafe starts
    _ = unsafe whole.remove(at: shortSlot)
    var digests = unsafe PageHasher.digests(of: whole, pageLength: Geometry.pageByteCount)
    let length = offsets[shortSlot + 1] - offsets[shortSlot]
    let short = unsafe UnsafeRawBufferPointer(start: starts[shortSlot], count: length)
    digests.insert(unsafe PageHasher.digest(of: short), at: shortSlot)
    return digests
  }

  @unsafe func bytes(of slot: Int) -> UnsafeRawBufferPointer { unsafe bytes(of: slot..<slot + 1) }

  @unsafe func bytes(of slots: Range<Int>) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(
      rebasing: bytes[offsets[slots.lowerBound]..<offsets[slots.upperBound]])
  }
}
