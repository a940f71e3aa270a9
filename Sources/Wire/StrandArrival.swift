// SPDX-License-Identifier: Apache-2.0

/// How much of what the source put on a further connection has come.
package struct StrandArrival: Equatable, Sendable {
  /// The number of the further connection.
  package var strand: Int
  /// Of all batches that it was given, the first so many.
  package var batchCount: UInt64
  /// Nothing more will be taken from it: the others are lost.
  package var isOver: Bool

  package init(strand: Int, batchCount: UInt64, isOver: Bool) {
    self.strand = strand
    self.batchCount = batchCount
    self.isOver = isOver
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    strand = try reader.strand("strand")
    batchCount = try reader.uint64("batches")
    isOver = try reader.boolean("over")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(UInt8(strand))
    writer.write(batchCount)
    writer.write(isOver)
  }
}
