// SPDX-License-Identifier: Apache-2.0

/// Makes lines of bytes as they come. Lines that are too long are cut.
struct LineSplitter {
  let maximumByteCount: Int
  private var pending: [UInt8] = []

  init(maximumByteCount: Int) { self.maximumByteCount = maximumByteCount }

  mutating func take(_ bytes: ArraySlice<UInt8>, _ line: (String) -> Void) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") || pending.count == maximumByteCount {
        line(String(decoding: pending, as: UTF8.self))
        pending = []
      }
      if byte != UInt8(ascii: "\n") && byte != UInt8(ascii: "\r") { pending.append(byte) }
    }
  }

  /// The last line need not have an end.
  mutating func finish(_ line: (String) -> Void) {
    if !pending.isEmpty { line(String(decoding: pending, as: UTF8.self)) }
    pending = []
  }
}
