// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Testing
import Wire

@testable import Transfer

/// The sending side of further connections, with what it sends at the test's fingertips.
@Suite struct OutgoingStrandsTests {
  private static let image = Pages.content(3 * 256)

  private final class Stage {
    let outbox = Outbox(capacity: 64 << 20)
    let strands: OutgoingStrands
    let line = Line()
    let peer: Peer
    let resent = Monitor<[WantedPages]>([])

    init() throws {
      strands = OutgoingStrands(outbox: outbox, pace: Pace(), counters: Counters())
      peer = Peer(line.far, saysMagic: false)
      let strand = try #require(Strand(input: line.near.input, output: line.near.output))
      #expect(strands.attach(strand, number: 3))
      strands.start { [resent] wanted in resent.update { $0.append(wanted) } }
    }

    func put(_ wanted: WantedPages) {
      let entry = DataBatch.Entry(segment: wanted.segment, pages: wanted.pages)
      _ = outbox.put(
        Outbox.Parcel(frame: OutgoingStrandsTests.image.data([wanted]), pages: [entry]))
    }

    /// Hears so many batches on the further connection, which says no magic here.
    func hear(_ count: Int) throws {
      var parser = FrameParser(awaitsMagic: false)
      var heard = 0
      while heard < count {
        #expect(parser.receive { read(line.far.input, $0.baseAddress, $0.count) } > 0)
        while try parser.next() != nil { heard += 1 }
      }
      #expect(heard == count)
    }

    func arrived(_ count: UInt64, isOver: Bool = false, strand: Int = 3) throws {
      try strands.take(StrandArrival(strand: strand, batchCount: count, isOver: isOver))
    }

    deinit { strands.stop() }
  }

  private static func wanted(_ number: Int) -> WantedPages { WantedPages(number % 3, [number]) }

  @Test func whatDidNotComeIsSentAgain() throws {
    let stage = try Stage()
    for number in 0..<5 { stage.put(Self.wanted(number)) }
    try stage.hear(5)
    try stage.arrived(2)
    #expect(stage.resent.peek { $0.isEmpty })
    try stage.arrived(3, isOver: true)
    #expect(stage.resent.peek { $0 } == [Self.wanted(3), Self.wanted(4)])
    // What comes later goes over others.
    stage.put(Self.wanted(5))
    Clock.sleep(seconds: 0.02)
    #expect(stage.outbox.takeParcel { .take } != nil)
  }

  @Test func aLineThatIsGoneIsLeft() throws {
    let stage = try Stage()
    stage.put(Self.wanted(0))
    try stage.hear(1)
    stage.peer.hangUp()
    let said = try Watchdog.run { [outbox = stage.outbox] in outbox.take() }
    #expect(said == Message.leave(3).encoded())
    try stage.arrived(0, isOver: true)
    #expect(stage.resent.peek { $0 } == [Self.wanted(0)])
    #expect(stage.outbox.isEmpty, "it is said once")
  }

  struct Lie: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var strand = 3
    var counts: [UInt64]
    var isOver = false
  }

  @Test(arguments: [
    Lie(testDescription: "more than was sent", counts: [6]),
    Lie(testDescription: "many more", counts: [.max]),
    Lie(testDescription: "fewer than before", counts: [3, 2]),
    Lie(testDescription: "another connection", strand: 2, counts: [0]),
    Lie(testDescription: "more at the end", counts: [6], isOver: true),
  ])
  func aLieIsABreach(lie: Lie) throws {
    let stage = try Stage()
    for number in 0..<5 { stage.put(Self.wanted(number)) }
    try stage.hear(5)
    for count in lie.counts.dropLast() { try stage.arrived(count) }
    #expect(throws: TransferError.self) {
      try stage.arrived(lie.counts.last!, isOver: lie.isOver, strand: lie.strand)
    }
  }

  @Test func theEndIsSaidOnce() throws {
    let stage = try Stage()
    try stage.arrived(0, isOver: true)
    #expect(throws: TransferError.self) { try stage.arrived(0, isOver: true) }
  }

  @Test func aTargetThatConfirmsNothingFillsNoMemory() throws {
    let stage = try Stage()
    let whole = WantedPages(segment: 1, pages: PageSet(firstPages: 256))
    let limit = WireLimits.outstandingPageCount / 256
    let heard = Watchdog.Running("the target", seconds: 60) { [input = stage.line.far.input] in
      var bytes = [UInt8](repeating: 0, count: 1 << 20)
      var count = 0
      while count < (limit + 1) << 20 {
        let more = read(input, &bytes, bytes.count)
        if more <= 0 { return -1 }
        count += more
      }
      return count
    }
    let frame = Self.image.data([whole])
    let entry = DataBatch.Entry(segment: 1, pages: whole.pages)
    for _ in 0..<limit + 20 { _ = stage.outbox.put(Outbox.Parcel(frame: frame, pages: [entry])) }
    #expect(try heard.value() > 0)
    Clock.sleep(seconds: 0.1)
    // One past the limit, and no more, however much there is to send.
    #expect(stage.outbox.takeNow() != nil)
    try stage.arrived(UInt64(limit + 1))
    _ = try Watchdog.run { [outbox = stage.outbox, input = stage.line.far.input] in
      var bytes = [UInt8](repeating: 0, count: 1 << 20)
      while !outbox.isEmpty { _ = read(input, &bytes, bytes.count) }
    }
  }

  @Test func stoppingWaitsForNoLine() throws {
    let stage = try Stage()
    for _ in 0..<40 { stage.put(WantedPages(0, Array(0..<256))) }
    Clock.sleep(seconds: 0.05)
    let strands = stage.strands
    try Watchdog.run {
      strands.stop()
      strands.stop()
    }
    let late = Line()
    let strand = try #require(Strand(input: late.near.input, output: late.near.output))
    #expect(!strands.attach(strand, number: 4))
    for descriptor in [late.far.input, late.far.output] { close(descriptor) }
  }
}
