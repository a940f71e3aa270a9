// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Where some bytes of a file lie, as its file system tells (FIEMAP).
struct MappedExtent: Hashable {
  var range: Range<UInt64>
  /// Where the first of them lies. It means something only against other extents of the same
  /// file system.
  var place: UInt64
  /// Space that was never written: it reads as zeros, like a hole.
  var isUnwritten = false
  /// It has no place of its own, or one that says nothing of its bytes: inline, compressed,
  /// encrypted, not yet placed.
  var isUnclear = false
}

extension MappedExtent {
  init(_ extent: linux_file_extent) {
    let (end, isHuge) = extent.offset.addingReportingOverflow(extent.byte_count)
    range = extent.offset..<(isHuge ? .max : end)
    place = extent.place
    isUnwritten = extent.flags & linux_EXTENT_UNWRITTEN != 0
    isUnclear = extent.flags & linux_EXTENT_UNCLEAR != 0
  }
}
