// SPDX-License-Identifier: Apache-2.0

import Glibc
import Wire

@testable import Transfer

/// One direction of a line on which now and then a message is lost, doubled, swapped with the next
/// one, changed in a bit or cut off. What follows from a loss may be silence: then the line is cut.
struct GarblingRelay {
  /// Of so many messages one is garbled.
  let oneIn: Int
  var random: Random

  private static let patienceMilliseconds: Int32 = 150

  /// Carries what comes from `input` to `output` until one of them ends.
  mutating func run(from input: Int32, to output: Int32) {
    defer {
      close(input)
      close(output)
    }
    var parser = FrameParser()
    guard write(WireLimits.magic, to: output) else { return }
    var held: [UInt8]?
    while let frame = next(&parser, input) {
      var bytes = Self.bytes(of: frame)
      var copies = 1
      if random.below(oneIn) == 0 {
        switch random.below(5) {
        case 0: copies = 0
        case 1: copies = 2
        case 2 where held == nil:
          held = bytes
          continue
        case 3 where bytes.count > 5:
          bytes[5 + random.below(bytes.count - 5)] ^= 1 << UInt8(random.below(8))
        default:
          _ = write(Array(bytes.prefix(random.below(bytes.count))), to: output)
          return
        }
      }
      for _ in 0..<copies where !write(bytes, to: output) { return }
      if let late = held {
        held = nil
        guard write(late, to: output) else { return }
      }
    }
  }

  private func next(_ parser: inout FrameParser, _ input: Int32) -> Frame? {
    while true {
      if let frame = try? parser.next() { return frame }
      var waited = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
      if poll(&waited, 1, Self.patienceMilliseconds) == 0 { return nil }
      if parser.receive({ read(input, $0.baseAddress, $0.count) }) <= 0 { return nil }
    }
  }

  private static func bytes(of frame: Frame) -> [UInt8] {
    let count = UInt32(frame.payload.count)
    let header = (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * UInt32($0))) }
    return header + [frame.type.rawValue] + frame.payload
  }

  private func write(_ bytes: [UInt8], to output: Int32) -> Bool {
    var start = 0
    while start < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(output, $0.baseAddress! + start, $0.count - start)
      }
      if count <= 0 { return false }
      start += count
    }
    return true
  }
}
