// SPDX-License-Identifier: Apache-2.0

/// A stretch of an export with the flags that one context of its server gives it.
package struct NbdExtent: Hashable, Sendable {
  package var range: Range<UInt64>
  /// What they mean is the context's.
  package var flags: UInt32

  package init(range: Range<UInt64>, flags: UInt32) {
    self.range = range
    self.flags = flags
  }

  /// Where space is allocated, and where zeros are known to be.
  package static let allocation = "base:allocation"
  /// Of `base:allocation`: reads as zeros. That nothing is allocated (1) promises nothing.
  package static let isZero: UInt32 = 2

  /// So many of one answer are taken; what comes after them can be asked for again.
  package static let maximumCount = 1 << 16

  /// Reads pairs of a length and flags, as a server sent them for what begins at
  /// `range.lowerBound`. What comes out is ascending, without gaps, begins there, and ends in
  /// `range`; neighbours with the same flags are one. It may be shorter than what was asked for,
  /// and is empty when the answer says nothing.
  package static func decode(
    _ entries: some Sequence<UInt32>, of range: Range<UInt64>
  ) -> [NbdExtent] {
    var extents: [NbdExtent] = []
    var offset = range.lowerBound
    var length: UInt32?
    for entry in entries {
      guard let count = length else {
        length = entry
        continue
      }
      length = nil
      let end = offset + min(UInt64(count), range.upperBound - offset)
      if end > offset {
        if let last = extents.last, last.flags == entry {
          extents[extents.count - 1].range = last.range.lowerBound..<end
        } else if extents.count < maximumCount {
          extents.append(NbdExtent(range: offset..<end, flags: entry))
        } else {
          break
        }
      }
      offset = end
      if offset == range.upperBound { break }
    }
    return extents
  }
}
