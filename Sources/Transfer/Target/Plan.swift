// SPDX-License-Identifier: Apache-2.0

import Blocks

/// What has to change at the target and is held back until it may: pages that get other
/// content, and what becomes zero.
struct Plan {
  /// Pages, numbered over the whole image, in the order of their announcement.
  private(set) var pages: [Int] = []
  /// Segments that become zero as a whole.
  private(set) var zeroSegments: [Range<Int>] = []
  /// Segments with single pages that become zero.
  private(set) var segmentsWithZeroPages: [Int] = []
  /// Since when the first of them waits.
  private(set) var since: Double?

  var isEmpty: Bool { since == nil }

  mutating func add(_ pages: PageSet, of segment: Int) {
    if pages.isEmpty { return }
    let first = segment * Geometry.pagesPerSegment
    self.pages.append(contentsOf: pages.lazy.map { first + $0 })
    begin()
  }

  mutating func add(zero segments: Range<Int>) {
    zeroSegments.append(segments)
    begin()
  }

  mutating func add(zeroPagesOf segment: Int) {
    segmentsWithZeroPages.append(segment)
    begin()
  }

  /// All segments in which something changes.
  var segments: [Range<Int>] {
    var numbers = Set(pages.lazy.map { $0 / Geometry.pagesPerSegment })
    numbers.formUnion(segmentsWithZeroPages)
    return numbers.sorted().map { $0..<$0 + 1 } + zeroSegments
  }

  private mutating func begin() {
    if since == nil { since = Clock.now }
  }
}
