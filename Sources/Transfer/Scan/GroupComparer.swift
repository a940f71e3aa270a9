// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Makes the digests of a segment from what is remembered of it, hashing only those groups that
/// have other bytes now.
struct GroupComparer {
  private let record: ManifestRecord
  private var groups: [Digest] = []
  private var zeroPages = PageSet()

  init(_ record: ManifestRecord) {
    self.record = record
  }

  /// Takes the next whole groups, or the rest of the segment, with their fingerprints.
  @unsafe mutating func append(_ bytes: UnsafeRawBufferPointer, _ fingerprints: [Fingerprint]) {
    for (number, fingerprint) in fingerprints.enumerated() {
      let group = groups.count
      if fingerprint == record.fingerprints[group] && fingerprint != .unknown {
        groups.append(record.groups[group])
        zeroPages[group: group] = record.zeroPages[group: group]
        continue
      }
      let start = number * Geometry.groupByteCount
      let end = min(start + Geometry.groupByteCount, bytes.count)
      let fresh = unsafe SegmentDigests.hashing(
        UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      groups.append(fresh.groups[0])
      zeroPages[group: group] = fresh.zeroPages[group: 0]
    }
  }

  func finish(pageCount: Int) -> SegmentDigests {
    .remembered(groups: groups, zeroPages: zeroPages, pageCount: pageCount)
  }
}
