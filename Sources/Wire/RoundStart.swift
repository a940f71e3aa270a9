// SPDX-License-Identifier: Apache-2.0

/// The source begins to go over what was written to it since it was last read, for the `number`th
/// time.
package struct RoundStart: Equatable, Sendable {
  /// From 1.
  package var number: UInt32
  /// Nobody writes to the source any more: what the target writes now is read back.
  package var isLast: Bool

  package init(number: UInt32, isLast: Bool) {
    self.number = number
    self.isLast = isLast
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    number = try reader.uint32("number")
    if number == 0 { throw reader.error("number", found: "0", allowed: "1 to 4294967295") }
    isLast = try reader.boolean("last")
  }

  func write(to writer: inout PayloadWriter) {
    precondition(number > 0, "rounds are counted from 1")
    writer.write(number)
    writer.write(isLast)
  }
}
