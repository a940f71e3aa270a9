// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Makes the digests of pages of which only the groups are remembered. Used by one thread.
final class PageFinder {
  private let image: any ReadableImage
  private let shape: ImageShape
  private lazy var reader = SegmentReader(image: image, shape: shape)

  init(image: any ReadableImage, shape: ImageShape) {
    self.image = image
    self.shape = shape
  }

  /// As the segment is now, whatever is remembered of it.
  func digests(of segment: Int) throws(StorageError) -> SegmentDigests {
    try reader.digests(of: segment)
      ?? ZeroDigests.segmentDigests(length: shape.segmentLength(segment))
  }

  /// Of one group alone.
  func pages(ofGroup group: Int, of segment: Int) throws(StorageError) -> [Digest] {
    try reader.pages(ofGroup: group, of: segment)
  }
}

extension PageFinder {
  /// What a source announced, with the digests of its pages. Those that were only remembered by
  /// their groups are made now, from what is there now.
  func withPages(
    _ digests: SegmentDigests, of segment: Int, _ state: Monitor<SourceState>
  ) throws(TransferError) -> SegmentDigests {
    if digests.hasPages { return digests }
    do throws(StorageError) {
      let fresh = try self.digests(of: segment)
      if fresh.groups != digests.groups { state.update { $0.hasChanged = true } }
      return fresh
    } catch {
      throw TransferError(.source, error)
    }
  }
}
