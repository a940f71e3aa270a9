// SPDX-License-Identifier: Apache-2.0

/// A stretch of an image that is all data, or all hole: never written, and read as zeros.
package struct Extent: Hashable, Sendable {
  package var range: Range<UInt64>
  package var isHole: Bool

  package init(range: Range<UInt64>, isHole: Bool) {
    self.range = range
    self.isHole = isHole
  }
}
