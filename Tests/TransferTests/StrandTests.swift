// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing
import Wire

@testable import Transfer

@Suite struct StrandTests {
  private static func strand(_ end: Line.End) throws -> Strand {
    try #require(Strand(input: end.input, output: end.output))
  }

  @Test func whatIsWrittenIsRead() throws {
    let line = Line()
    let (near, far) = (try Self.strand(line.near), try Self.strand(line.far))
    let frame = Pages.content(256).data([WantedPages(0, Array(0..<256))])
    let (sent, received) = (Counters(), Counters())
    let writing = Watchdog.Running("writing") {
      (0..<5).allSatisfy { _ in near.write(frame, pace: Pace(), counters: sent) }
    }
    let reading = Watchdog.Running("reading") {
      var parser = FrameParser(awaitsMagic: false)
      var count = 0
      while count < 5 {
        while let frame = try? parser.next() { count += frame.type == .data ? 1 : 100 }
        if count < 5, !far.read(into: &parser, counters: received) { return -1 }
      }
      return count
    }
    #expect(try writing.value())
    #expect(try reading.value() == 5)
    #expect(sent.snapshot.wireSent == UInt64(5 * frame.count))
    #expect(received.snapshot.wireReceived == sent.snapshot.wireSent)
  }

  @Test func cancellingEndsEverything() throws {
    let line = Line()
    let strand = try Self.strand(line.near)
    defer { for descriptor in [line.far.input, line.far.output] { close(descriptor) } }
    let running = [
      Watchdog.Running("writing") {
        // Nobody reads: it fills what is between, and waits.
        while strand.write(
          [UInt8](repeating: 0, count: 1 << 20), pace: Pace(), counters: Counters())
        {}
      },
      Watchdog.Running("reading") {
        var parser = FrameParser()
        while strand.read(into: &parser, counters: Counters()) {}
      },
      Watchdog.Running("waiting") { strand.waitForInput() },
    ]
    Clock.sleep(seconds: 0.05)
    strand.cancel()
    strand.cancel()
    for thread in running { try thread.value() }
    #expect(!strand.write([1], pace: Pace(), counters: Counters()))
  }

  @Test func anEndIsAnEnd() throws {
    let line = Line()
    let strand = try Self.strand(line.near)
    for descriptor in [line.far.input, line.far.output] { close(descriptor) }
    try Watchdog.run {
      strand.waitForInput()
      var parser = FrameParser()
      #expect(!strand.read(into: &parser, counters: Counters()))
      #expect(
        !strand.write([UInt8](repeating: 0, count: 100), pace: Pace(), counters: Counters()))
    }
  }

  @Test func silenceEndsAReadThatHasALimit() throws {
    let line = Line()
    let (near, far) = (try Self.strand(line.near), try Self.strand(line.far))
    try Watchdog.run {
      var parser = FrameParser()
      #expect(!near.read(into: &parser, counters: Counters(), seconds: 0.02))
    }
    #expect(far.write(WireLimits.magic, pace: Pace(), counters: Counters()))
  }

  @Test func descriptorsGoWithIt() throws {
    let line = Line()
    do { _ = try Self.strand(line.near) }
    var byte: UInt8 = 0
    #expect(read(line.far.input, &byte, 1) == 0)
    for descriptor in [line.far.input, line.far.output] { close(descriptor) }
  }

  @Test func whatIsNoDescriptorIsNoStrand() {
    #expect(Strand(input: -1, output: -1) == nil)
  }
}
