// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// The 32-byte name of an image: one scan, folded into a tree.
enum ImageDigest {
  static func compute(
    of image: any ReadableImage, byteCount: UInt64, threadCount: Int, end: TransferError.End,
    counters: Counters
  ) throws(TransferError) -> Digest {
    let shape = ImageShape(byteCount: byteCount)
    let scan = ImageScan(image: image, shape: shape, threadCount: threadCount)
    defer { scan.finish() }
    var folder = TreeFolder(shape: shape)
    counters.set(.scanned, to: 0)
    do throws(StorageError) {
      while let item = try scan.next() {
        switch item {
        case .zero(let segments):
          folder.appendZeroSegments(segments.count)
          counters.set(.scanned, to: shape.segmentRange(segments.upperBound - 1).upperBound)
        case .data(let segment, let digests):
          folder.append(segment: digests.digest)
          counters.set(.scanned, to: shape.segmentRange(segment).upperBound)
        }
      }
    } catch {
      throw TransferError(end, error)
    }
    return folder.finish()
  }
}
