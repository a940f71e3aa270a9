// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Testing
import Wire

@testable import Transfer

/// The receiving side of further connections.
@Suite struct IncomingStrandsTests {
  private static let image = Pages.content(2 * 256)

  private final class Stage {
    let strands = IncomingStrands(counters: Counters())
    let events = BoundedQueue<IncomingStrands.Event>(capacity: 1000)

    func attach(_ number: Int) throws -> Peer {
      let line = Line()
      let strand = try #require(Strand(input: line.far.input, output: line.far.output))
      #expect(strands.attach(strand, FrameParser(awaitsMagic: false), number: number))
      return Peer(line.near, saysMagic: false)
    }

    func start() {
      let events = events
      strands.start(shape: IncomingStrandsTests.image.shape) { events.put($0) }
    }

    /// What comes next, in a word.
    func next() -> String {
      switch events.take(seconds: 10) {
      case .item(.batch(let batch, let strand)):
        "\(strand): \(batch.content.entries.map(\.segment))"
      case .item(.over(let strand)): "\(strand) is over"
      case .item(.failed(let error)): error.sentence
      case .closed, .nothingYet: "nothing"
      }
    }

    deinit {
      events.abandon()
      strands.stop()
    }
  }

  @Test func batchesComeInOrderAndThenTheEnd() throws {
    let stage = Stage()
    let peer = try stage.attach(2)
    // What comes before anybody listens waits.
    peer.say(Self.image.data([WantedPages(1, [1])]))
    stage.start()
    peer.say(Self.image.data([WantedPages(0, [1]), WantedPages(1, [2])]))
    peer.hangUp()
    #expect((0..<3).map { _ in stage.next() } == ["2: [1]", "2: [0, 1]", "2 is over"])
  }

  @Test func theMiddleOfAFrameIsAnEnd() throws {
    let stage = Stage()
    stage.start()
    let peer = try stage.attach(1)
    let frame = Self.image.data([WantedPages(1, [1])])
    peer.say(frame + frame.dropLast(100))
    peer.hangUp()
    #expect((0..<2).map { _ in stage.next() } == ["1: [1]", "1 is over"])
  }

  @Test func whatIsLeftIsOverOnce() throws {
    let stage = Stage()
    stage.start()
    let peer = try stage.attach(1)
    peer.say(Self.image.data([WantedPages(1, [1])]))
    #expect(stage.next() == "1: [1]")
    stage.strands.leave(1)
    #expect(stage.next() == "1 is over")
    stage.strands.leave(1)
    // One that is not known was never of use, and never will be.
    stage.strands.leave(4)
    #expect(stage.next() == "4 is over")
    stage.strands.leave(4)
    let line = Line()
    let strand = try #require(Strand(input: line.far.input, output: line.far.output))
    #expect(!stage.strands.attach(strand, FrameParser(awaitsMagic: false), number: 4))
    for descriptor in [line.near.input, line.near.output] { close(descriptor) }
    #expect(stage.events.isEmpty)
  }

  @Test func whatWasLeftEarlyIsToldAtTheStart() throws {
    let stage = Stage()
    stage.strands.leave(5)
    stage.start()
    #expect(stage.next() == "5 is over")
  }

  @Test(
    arguments: [
      ([0, 0, 0, 0, 99], "of unknown type"), ([255, 255, 255, 255, 13], "payload"),
      ([7, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0], "entries"),
      (Message.agreed.encoded(), "'agreed' on a further connection"),
      (Pages.content(3 * 256).data([WantedPages(2, [0])]), "segment"),
    ] as [([UInt8], String)])
  func garbageEndsTheRun(bytes: [UInt8], sentence: String) throws {
    let stage = Stage()
    stage.start()
    let peer = try stage.attach(1)
    peer.say(bytes)
    let said = stage.next()
    #expect(said.contains(sentence), "\(said)")
  }

  @Test func numbersAreUsedOnce() throws {
    let stage = Stage()
    _ = try stage.attach(1)
    let line = Line()
    let strand = try #require(Strand(input: line.far.input, output: line.far.output))
    #expect(!stage.strands.attach(strand, FrameParser(awaitsMagic: false), number: 1))
    for descriptor in [line.near.input, line.near.output] { close(descriptor) }
  }

  @Test func stoppingWaitsForNobody() throws {
    for starts in [false, true] {
      let stage = Stage()
      let peers = try [stage.attach(1), stage.attach(2)]
      if starts { stage.start() }
      for peer in peers { peer.say([1, 2]) }
      let strands = stage.strands
      stage.events.abandon()
      try Watchdog.run {
        strands.stop()
        strands.stop()
      }
    }
  }
}
