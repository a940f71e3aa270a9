// SPDX-License-Identifier: Apache-2.0

/// Bytes that mean nothing and do not shrink, sent to see how fast the line takes them.
package struct Probe: Equatable, Sendable {
  /// Whether the receiver is to say how long the round took that ends with these.
  package var endsRound: Bool
  package var filler: [UInt8]

  package init(endsRound: Bool, filler: [UInt8]) {
    self.endsRound = endsRound
    self.filler = filler
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    endsRound = try reader.boolean("ends a round")
    let byteCount = try reader.checked(
      reader.uint16("filler"), "filler", in: 1...WireLimits.probeFillerByteCount)
    filler = try reader.bytes(byteCount, "filler")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(endsRound)
    writer.write(UInt16(filler.count))
    writer.write(contentsOf: filler)
  }
}
