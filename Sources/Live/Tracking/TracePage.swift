// SPDX-License-Identifier: Apache-2.0

/// One page of the kernel's trace ring, as it is read from `trace_pipe_raw`: completed requests
/// that wrote something.
///
/// What it cannot understand it does not skip: it says so, and then everything is dirty.
package struct TracePage {
  /// A request that ended.
  package struct Write: Equatable {
    /// As the kernel numbers devices inside: the major number shifted by 20, and the minor one.
    package var device: UInt32
    package var sector: UInt64
    package var sectorCount: UInt32
  }

  package enum Verdict: Equatable, Sendable {
    case whole
    /// The kernel had to leave out events before these.
    case lossy
    case malformed
  }

  // The kernel's include/linux/ring_buffer.h.
  private static let missedEvents: UInt64 = 1 << 31
  private static let byteCountMask: UInt64 = 0x0FFF_FFFF
  private static let padding = 29
  private static let timeExtend = 30
  private static let timeStamp = 31

  private let bytes: ArraySlice<UInt8>
  private let format: TraceFormat

  package init(_ bytes: ArraySlice<UInt8>, _ format: TraceFormat) {
    self.bytes = bytes
    self.format = format
  }

  /// Gives all that was written to `body`, in order.
  package func read(_ body: (Write) -> Void) -> Verdict {
    guard bytes.count >= format.data.offset else { return .malformed }
    let commit = number(format.commit.offset, format.commit.byteCount)
    let filled = Int(commit & Self.byteCountMask)
    guard filled <= format.data.byteCount, format.data.offset + filled <= bytes.count else {
      return .malformed
    }
    var position = format.data.offset
    let end = position + filled
    while position < end {
      guard end - position >= 4 else { return .malformed }
      let header = number(position, 4)
      let kind = Int(header & 31)
      switch kind {
      case Self.padding:
        // Without a time it fills the rest of the page.
        if header >> 5 == 0 { position = end; continue }
        guard end - position >= 8 else { return .malformed }
        position += 4 + Int(number(position + 4, 4))
      case Self.timeExtend, Self.timeStamp: position += 8
      default:
        guard let event = event(at: position, kind, end) else { return .malformed }
        if !take(event, body) { return .malformed }
        // The next one begins at a multiple of four.
        position = event.upperBound + (4 - (event.upperBound - format.data.offset) % 4) % 4
      }
    }
    return commit & Self.missedEvents == 0 ? .whole : .lossy
  }

  /// The bytes of an event: its header has their count in words, or a word for it follows, which
  /// counts itself.
  private func event(at position: Int, _ kind: Int, _ end: Int) -> Range<Int>? {
    if kind > 0 {
      let first = position + 4
      return first + kind * 4 <= end ? first..<first + kind * 4 : nil
    }
    guard end - position >= 8 else { return nil }
    let count = Int(number(position + 4, 4))
    guard count >= 4, position + 4 + count <= end else { return nil }
    return position + 8..<position + 4 + count
  }

  /// False when it is one of ours and too short.
  private func take(_ event: Range<Int>, _ body: (Write) -> Void) -> Bool {
    guard event.count >= 2 else { return false }
    guard number(event.lowerBound, 2) == UInt64(format.identifier) else { return true }
    guard event.count >= format.eventByteCount else { return false }
    func value(_ field: TraceFormat.Field) -> UInt64 {
      number(event.lowerBound + field.offset, field.byteCount)
    }
    let sectorCount = UInt32(value(format.sectorCount))
    if sectorCount == 0 || isRead(event.lowerBound + format.letters.offset) { return true }
    body(
      Write(
        device: UInt32(value(format.device)), sector: value(format.sector),
        sectorCount: sectorCount))
    return true
  }

  /// Everything that is not a read may have changed something: older kernels have no letter for the
  /// writing of zeros, and write N as for all that they do not know. An F before it is a flush that
  /// comes first.
  private func isRead(_ position: Int) -> Bool {
    for offset in 0..<format.letters.byteCount {
      let letter = number(position + offset, 1)
      if letter != UInt64(UInt8(ascii: "F")) { return letter == UInt64(UInt8(ascii: "R")) }
    }
    return false
  }

  /// Little endian, as on all processors that we run on. The caller has seen that it is there.
  private func number(_ position: Int, _ byteCount: Int) -> UInt64 {
    var result: UInt64 = 0
    for offset in (0..<byteCount).reversed() {
      result = result << 8 | UInt64(bytes[bytes.startIndex + position + offset])
    }
    return result
  }
}
