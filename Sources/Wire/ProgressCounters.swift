// SPDX-License-Identifier: Apache-2.0

/// How far one end is, in bytes of the image. Only shown, never relied on.
package struct ProgressCounters: Equatable, Sendable {
  /// Of the speaker's own image, holes included.
  package var scanned: UInt64
  package var equal: UInt64
  package var zero: UInt64
  /// Copied from elsewhere at the target's end.
  package var found: UInt64
  /// Known to be still missing; for an estimate what would be sent.
  package var wanted: UInt64
  /// Content that came as data, before compression.
  package var received: UInt64
  package var written: UInt64
  /// Read back and confirmed.
  package var verified: UInt64

  package init(
    scanned: UInt64 = 0, equal: UInt64 = 0, zero: UInt64 = 0, found: UInt64 = 0,
    wanted: UInt64 = 0, received: UInt64 = 0, written: UInt64 = 0, verified: UInt64 = 0
  ) {
    self.scanned = scanned
    self.equal = equal
    self.zero = zero
    self.found = found
    self.wanted = wanted
    self.received = received
    self.written = written
    self.verified = verified
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    scanned = try reader.uint64("scanned")
    equal = try reader.uint64("equal")
    zero = try reader.uint64("zero")
    found = try reader.uint64("found")
    wanted = try reader.uint64("wanted")
    received = try reader.uint64("received")
    written = try reader.uint64("written")
    verified = try reader.uint64("verified")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(scanned)
    writer.write(equal)
    writer.write(zero)
    writer.write(found)
    writer.write(wanted)
    writer.write(received)
    writer.write(written)
    writer.write(verified)
  }
}
