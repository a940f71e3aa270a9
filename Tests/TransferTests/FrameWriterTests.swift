// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Transfer

@Suite(.serialized) struct FrameWriterTests {
  /// Runs a writer over these frames and gives what comes out.
  private static func write(
    _ frames: [[UInt8]], bytesPerSecond: UInt64? = nil, counters: Counters = Counters()
  ) throws -> [UInt8] {
    let line = Line()
    let outbox = Outbox(capacity: 1 << 20)
    let writer = FrameWriter(
      output: line.near.output, outbox: outbox, counters: counters,
      pace: Pace(bytesPerSecond: bytesPerSecond))
    let running = Watchdog.Running("the writer") { writer.run() }
    let reading = Watchdog.Running("the reader") { readAll(line.far.input) }
    for frame in frames { outbox.put(frame) }
    outbox.close()
    try running.value()
    let written = try reading.value()
    for descriptor in [line.near.input, line.far.input, line.far.output] { close(descriptor) }
    return written
  }

  private static func readAll(_ descriptor: Int32) -> [UInt8] {
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count <= 0 { return result }
      result += chunk[..<count]
    }
  }

  private static let frames = (0..<300).map { number in
    [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number * 7 % 5000)
  }

  @Test func everythingIsWrittenInOrder() throws {
    let counters = Counters()
    let written = try Self.write(Self.frames, counters: counters)
    #expect(written == Array(Self.frames.joined()))
    #expect(counters.snapshot.wireSent == UInt64(written.count))
  }

  @Test func theRateIsKept() throws {
    let start = Clock.now
    let written = try Self.write(
      [[UInt8](repeating: 1, count: 300_000)], bytesPerSecond: 1_000_000)
    #expect(written.count == 300_000)
    #expect((0.25..<5).contains(Clock.now - start))
  }

  @Test func aFailedWriteForgetsTheRest() throws {
    let line = Line()
    for descriptor in [line.near.input, line.far.input, line.far.output] { close(descriptor) }
    let outbox = Outbox(capacity: 10)
    let writer = FrameWriter(
      output: line.near.output, outbox: outbox, counters: Counters(), pace: Pace())
    let running = Watchdog.Running("the writer") { writer.run() }
    let putting = Watchdog.Running("the sender") {
      while outbox.put([1, 2, 3]) {}
    }
    try putting.value()
    try running.value()
    #expect(outbox.isEmpty)
  }
}
