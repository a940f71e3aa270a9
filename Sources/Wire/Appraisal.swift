// SPDX-License-Identifier: Apache-2.0

/// What the source measured for an estimate: how far a sample of what would be sent shrinks, and
/// how fast the line is. For people; no decision depends on it.
package struct Appraisal: Equatable, Sendable {
  /// Page bytes that were compressed, and what became of them, with all that surrounds them.
  package var sampledByteCount: UInt64
  package var compressedByteCount: UInt64
  /// Nil when too little time passed to tell.
  package var bytesPerSecond: UInt64?

  package init(
    sampledByteCount: UInt64 = 0, compressedByteCount: UInt64 = 0, bytesPerSecond: UInt64? = nil
  ) {
    self.sampledByteCount = sampledByteCount
    self.compressedByteCount = compressedByteCount
    self.bytesPerSecond = bytesPerSecond
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    sampledByteCount = try reader.uint64("sampled")
    compressedByteCount = try reader.uint64("compressed")
    let rate = try reader.uint64("bytes a second")
    bytesPerSecond = rate == 0 ? nil : rate
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(sampledByteCount)
    writer.write(compressedByteCount)
    writer.write(bytesPerSecond ?? 0)
  }
}
