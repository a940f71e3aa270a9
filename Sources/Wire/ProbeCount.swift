// SPDX-License-Identifier: Apache-2.0

/// What arrived of a round of probes after its first one, and in which time: the first one has
/// waited for whatever was before it on the line.
package struct ProbeCount: Equatable, Sendable {
  package var byteCount: UInt64
  package var microseconds: UInt64

  package init(byteCount: UInt64, microseconds: UInt64) {
    self.byteCount = byteCount
    self.microseconds = microseconds
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    byteCount = try reader.uint64("bytes")
    microseconds = try reader.uint64("microseconds")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(byteCount)
    writer.write(microseconds)
  }
}
