// SPDX-License-Identifier: Apache-2.0

/// The source begins to go through the image, for the `number`th time.
package struct PassStart: Equatable, Sendable {
  /// From 1.
  package var number: UInt16
  /// Whether digests travel at full width from here on, in both directions.
  package var isFull: Bool

  /// Whether the pass is over before it begins: the source is known to be what the target's
  /// manifest says that it is.
  package var isKnownEqual: Bool

  /// Whether the source knows by its own manifest every digest that the target's has, so that none
  /// has to be sent.
  package var isTargetKnown: Bool

  package init(
    number: UInt16, isFull: Bool, isKnownEqual: Bool = false, isTargetKnown: Bool = false
  ) {
    self.number = number
    self.isFull = isFull
    self.isKnownEqual = isKnownEqual
    self.isTargetKnown = isTargetKnown
  }

  package var width: DigestWidth { isFull ? .full : .short }

  init(from reader: inout PayloadReader) throws(WireError) {
    number = try reader.uint16("number")
    if number == 0 { throw reader.error("number", found: "0", allowed: "1 to 65535") }
    let flags = try reader.checked(reader.uint8("flags"), "flags", in: 0...0b111)
    isFull = flags & 1 != 0
    isKnownEqual = flags & 2 != 0
    isTargetKnown = flags & 4 != 0
  }

  func write(to writer: inout PayloadWriter) {
    precondition(number > 0, "passes are counted from 1")
    writer.write(number)
    writer.write(UInt8((isFull ? 1 : 0) | (isKnownEqual ? 2 : 0) | (isTargetKnown ? 4 : 0)))
  }
}
