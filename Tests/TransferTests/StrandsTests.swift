// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

/// Whole runs over several connections, in one process: data comes in any order, and connections
/// are lost at any time, but the target always becomes the source.
@Suite struct StrandsTests {
  /// Both ends of some connections go away.
  private static func cut(_ lines: ArraySlice<Line>) {
    for line in lines {
      for descriptor in [line.near.input, line.near.output, line.far.input, line.far.output] {
        shutdown(descriptor, Int32(SHUT_RDWR))
      }
    }
  }

  @Test(arguments: ["whole", "new", "changed"], [1, 3, 15])
  func theTargetBecomesTheSource(way: String, strandCount: Int) throws {
    var random = Random.printed(test: "theTargetBecomesTheSource(\(way), \(strandCount))")
    for lostCount in [0, 1, strandCount] {
      let image = Pages.random(
        pageCount: 256 * (4 + random.below(20)), tail: 77, using: &random)
      let scratch = Scratch()
      scratch.write(image, to: "source.img")
      if way != "new" {
        scratch.write(.random(pageCount: image.pages.count, using: &random), to: "target.img")
      }
      let source = try scratch.openSource("source.img")
      let target = try scratch.openTarget("target.img", for: source.byteCount)
      let job = Job(
        operation: .copy, serverRole: .target, isWhole: way == "whole",
        compression: random.pick([.none, .automatic]))
      let ending = try Conversation(
        job: job, source: source, target: target, strandCount: strandCount,
        disturb: { lines in Self.cut(lines.prefix(lostCount)) }
      ).run()
      let comment: Comment = "seed \(random.seed), \(lostCount) lost"
      #expect(try ending.source.get().imageDigest == image.imageDigest, comment)
      #expect(try ending.source.get().passCount == 1, comment)
      #expect(try ending.target.get().passCount == 1, comment)
      #expect(scratch.holds(image, in: "target.img"), comment)
      let counters = ending.targetCounters
      // Every page is counted once, however often it was sent.
      let total = counters.equal + counters.zero + counters.found + counters.sent
      #expect(total == UInt64(image.byteCount), "\(comment): \(counters)")
      if lostCount == 0 {
        #expect(ending.sourceCounters.wireSent == counters.wireReceived, comment)
      }
    }
  }

  // MARK: Lies

  /// What the target makes of a source that has further connections.
  private static func deceive(
    isWhole: Bool = false, _ script: (Peer, [Peer]) throws -> Void
  ) throws -> TransferError? {
    let scratch = Scratch()
    scratch.write(LyingSourceTests.old, to: "target.img")
    let target = try scratch.openTarget(
      "target.img", for: LyingSourceTests.new.shape.byteCount)
    let job = Job(operation: .copy, serverRole: .target, isWhole: isWhole, threadCount: 1)
    let (line, strands) = (Line(), [Line(), Line()])
    let running = Watchdog.Running("the target") {
      Conversation.receive(target, job, line.far, timeoutSeconds: 10, strands: strands.map(\.far))
    }
    let peer = Peer(line.near)
    peer.shape = LyingSourceTests.new.shape
    let others = strands.map { Peer($0.near, saysMagic: false) }
    _ = try peer.play { try script($0, others) }
    peer.hangUp()
    guard case .failure(let error) = try running.value() else { return nil }
    return error
  }

  @Test func whatWasNotAskedForIsRefused() throws {
    let error = try Self.deceive { peer, others in
      LyingSourceTests.begin(peer)
      try LyingSourceTests.hearDigests(peer)
      others[1].say(LyingSourceTests.new.data([WantedPages(0, [3])]))
      _ = try peer.hear(.settled)
    }
    #expect(error?.sentence.contains("that were not asked for") == true, "\(error as Any)")
  }

  @Test func dataBeforeAPassWaitsForIt() throws {
    let error = try Self.deceive(isWhole: true) { peer, others in
      for other in others { other.say(LyingSourceTests.new.data([WantedPages(1, [3])])) }
      Clock.sleep(seconds: 0.05)
      LyingSourceTests.begin(peer)
      _ = try peer.hear(.settled)
    }
    #expect(error?.sentence.contains("segment 1 comes twice") == true, "\(error as Any)")
  }

  @Test func dataBetweenTwoPassesIsRefused() throws {
    let zeros = Pages(Array(repeating: .zero, count: 513), tail: [0, 0, 0])
    let error = try Self.deceive { peer, others in
      LyingSourceTests.begin(peer)
      try LyingSourceTests.hearDigests(peer)
      peer.say(.zero(SegmentRange(first: 0, count: 3)))
      peer.say(.position(3))
      peer.say(zeros.scanned)
      _ = try peer.hear(.settled)
      others[0].say(LyingSourceTests.new.data([WantedPages(0, [3])]))
      _ = try peer.hear(.done)
    }
    #expect(error?.sentence.contains("between two passes") == true, "\(error as Any)")
  }

  @Test func aSegmentComesOnceOverWhateverConnection() throws {
    let error = try Self.deceive(isWhole: true) { peer, others in
      LyingSourceTests.begin(peer)
      let whole = WantedPages(segment: 1, pages: PageSet(firstPages: 256))
      for other in others { other.say(LyingSourceTests.new.data([whole])) }
      _ = try peer.hear(.settled)
    }
    #expect(error?.sentence.contains("segment 1 comes twice") == true, "\(error as Any)")
  }

  @Test func garbageOnAnyConnectionIsRefused() throws {
    let error = try Self.deceive { peer, others in
      LyingSourceTests.begin(peer)
      others[1].say([0, 0, 0, 0, 255])
      _ = try peer.hear(.settled)
    }
    #expect(error?.sentence.contains("of unknown type") == true, "\(error as Any)")
  }

  @Test func tooManyWishesEndTheRun() throws {
    let error = try Self.deceive { peer, _ in
      peer.say(.strands(WireLimits.strandCount))
      peer.say(.strands(1))
      _ = try peer.hear(.settled)
    }
    #expect(error?.sentence.contains("more connections are wanted") == true, "\(error as Any)")
  }

  @Test(arguments: [
    Message.arrived(StrandArrival(strand: 1, batchCount: 0, isOver: false)),
    .invitation(.none),
  ])
  func aTargetsWordIsNotForATarget(message: Message) throws {
    let error = try Self.deceive { peer, _ in
      peer.say(message)
      _ = try peer.hear(.settled)
    }
    #expect(error?.status == .remote, "\(error as Any)")
  }

  @Test(arguments: [
    Message.strands(1), .joined(1), .leave(1), .invitation(.none),
    .join(JoinToken(low: 1, high: 2)),
    .arrived(StrandArrival(strand: 1, batchCount: 0, isOver: true)),
  ])
  func whoKnowsNoStrandsRefusesThem(message: Message) throws {
    let error = try LyingSourceTests.run(
      LyingSourceTests.Case(testDescription: "", sentence: "") { peer in
        LyingSourceTests.begin(peer)
        peer.say(message)
        _ = try peer.hear(.settled)
      }
    ).error
    #expect(error.status == .remote)
  }
}
