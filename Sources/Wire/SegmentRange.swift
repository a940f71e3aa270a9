// SPDX-License-Identifier: Apache-2.0

/// Segments that follow each other, at least one.
package struct SegmentRange: Equatable, Sendable {
  package var first: Int
  package var count: Int

  package init(first: Int, count: Int) {
    self.first = first
    self.count = count
  }

  package var range: Range<Int> { first..<first + count }

  init(from reader: inout PayloadReader) throws(WireError) {
    first = try reader.segment("first segment")
    count = try reader.segmentCount("segments", from: first)
  }

  func write(to writer: inout PayloadWriter) {
    precondition(first >= 0 && count > 0 && first <= WireLimits.segmentCount - count)
    writer.write(UInt64(first))
    writer.write(UInt64(count))
  }
}
