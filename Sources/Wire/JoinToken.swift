// SPDX-License-Identifier: Apache-2.0

/// What a further connection shows to prove that it was invited: 128 random bits, which travel
/// inside the conversation only and never stand on a command line.
package struct JoinToken: Equatable, Sendable {
  package var low: UInt64
  package var high: UInt64

  package init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// From the kernel's generator.
  package static func random() -> JoinToken {
    var generator = SystemRandomNumberGenerator()
    return JoinToken(low: generator.next(), high: generator.next())
  }

  package var hexadecimal: String {
    [high, low].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    low = try reader.uint64("token")
    high = try reader.uint64("token")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(low)
    writer.write(high)
  }
}
