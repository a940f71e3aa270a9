// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Where the groups of seeds lie that are remembered, so that these need not be read to be of
/// use. What it says is a hint, like all that an index says.
///
/// Used by the engine's thread only.
final class GroupIndex {
  private let index: Monitor<ContentIndex>
  /// Of all seeds that are in it.
  private(set) var pageCount = 0

  /// By the number of the image, from 1; an index of pages needs most of the memory.
  init(_ manifests: [Int: Manifest], memoryByteCount: Int) {
    index = Monitor(ContentIndex(memoryByteCount: memoryByteCount / Self.memoryShare))
    for (image, manifest) in manifests.sorted(by: { $0.key < $1.key }) { add(manifest, image) }
  }

  private static let memoryShare = 4

  private func add(_ manifest: Manifest, _ image: Int) {
    var segment = manifest.nextRecord(from: 0)
    while segment < manifest.shape.segmentCount {
      if let record = manifest.record(of: segment) {
        add(record, of: segment, image)
        pageCount += Geometry.pagesPerSegment - record.zeroPages.count
      }
      segment = manifest.nextRecord(from: segment + 1)
    }
  }

  private func add(_ record: ManifestRecord, of segment: Int, _ image: Int) {
    let first = segment * Geometry.pagesPerSegment
    index.peek { index in
      for (group, digest) in record.groups.enumerated() where record.zeroPages[group: group] != .max
      {
        let location = PageLocation(image: image, page: first + group * Geometry.pagesPerGroup)
        index.insert(name: digest.name, location: location.packed)
      }
    }
  }

  /// The first page of a group whose digest begins so.
  func location(of name: UInt64) -> PageLocation? {
    index.peek { $0.location(of: name).map(PageLocation.init(packed:)) }
  }
}
