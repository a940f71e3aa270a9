// SPDX-License-Identifier: Apache-2.0

/// The source begins to go through the image, for the `number`th time.
package struct PassStart: Equatable, Sendable {
  /// From 1.
  package var number: UInt16
  /// Whether digests travel at full width from here on, in both directions.
  package var isFull: Bool

  package init(number: UInt16, isFull: Bool) {
    self.number = number
    self.isFull = isFull
  }

  package var width: DigestWidth { isFull ? .full : .short }

  init(from reader: inout PayloadReader) throws(WireError) {
    number = try reader.uint16("number")
    if number == 0 { throw reader.error("number", found: "0", allowed: "1 to 65535") }
    isFull = try reader.boolean("full")
  }

  func write(to writer: inout PayloadWriter) {
    precondition(number > 0, "passes are counted from 1")
    writer.write(number)
    writer.write(isFull)
  }
}
