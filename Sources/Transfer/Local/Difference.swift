// SPDX-License-Identifier: Apache-2.0

import Blocks

/// How much two images differ, in whole pages, and where first.
struct Difference: Equatable, Sendable {
  private(set) var byteCount: UInt64 = 0
  private(set) var first: UInt64?

  mutating func add(page: Int, shape: ImageShape) {
    let range = shape.pageRange(page)
    byteCount += range.upperBound - range.lowerBound
    first = min(first ?? range.lowerBound, range.lowerBound)
  }

  mutating func add(_ other: Difference) {
    byteCount += other.byteCount
    if let offset = other.first { first = min(first ?? offset, offset) }
  }
}
