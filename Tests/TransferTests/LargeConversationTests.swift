// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

/// Conversations that meet the limits of windows and of the index.
@Suite struct LargeConversationTests {
  private static func copy(
    _ source: Pages, onto target: Pages?, job: Job = Job(operation: .copy, serverRole: .target),
    seeds: [Pages] = []
  ) throws -> Conversation.Ending {
    let scratch = Scratch()
    scratch.write(source, to: "source.img")
    if let target { scratch.write(target, to: "target.img") }
    for (number, seed) in seeds.enumerated() { scratch.write(seed, to: "seed\(number).img") }
    let image = try scratch.openSource("source.img")
    let conversation = Conversation(
      job: job, source: image, target: try scratch.openTarget("target.img", for: image.byteCount),
      seeds: try seeds.indices.map { try scratch.openSource("seed\($0).img") })
    let ending = try conversation.run()
    #expect(try ending.source.get().imageDigest == ending.target.get().imageDigest)
    #expect(try ending.source.get().passCount == 1)
    if source.pages.count < 100_000 { #expect(scratch.holds(source, in: "target.img")) }
    return ending
  }

  /// So many segments, in each of which one page is this.
  private static func sparse(_ segmentCount: Int, _ page: (Int) -> Pages.Page) -> Pages {
    var pages = Pages(Array(repeating: .hole, count: segmentCount * 256))
    for segment in 0..<segmentCount { pages.pages[segment * 256 + segment % 256] = page(segment) }
    return pages
  }

  @Test func aChangeInEachSegmentCostsLittleMore() throws {
    let count = 200
    let ending = try Self.copy(
      Self.sparse(count) { .content(UInt64($0)) },
      onto: Self.sparse(count) { .content(UInt64($0 + 10_000)) })
    #expect(ending.targetCounters.sent == UInt64(count) * 4096)
    // A KiB for each segment that differs, and the page; content like this shrinks to nothing.
    #expect(ending.sourceCounters.wireSent < UInt64(count) * 1024)
  }

  @Test func equalImagesCostNextToNothing() throws {
    let image = Self.sparse(200) { .content(UInt64($0)) }
    let ending = try Self.copy(image, onto: image)
    let wire = ending.sourceCounters.wireSent + ending.sourceCounters.wireReceived
    #expect(wire < 200 * 48)
    #expect(ending.targetCounters.equal == 200 * 4096)
  }

  @Test func hugeHolesCostNothing() throws {
    let scratch = Scratch()
    for name in ["source.img", "target.img"] {
      scratch.write(Pages.content(3), to: name)
      truncate(scratch.file(name), 1 << 40)
    }
    Pages.write(.content(99), at: (1 << 28) - 1, of: scratch.file("source.img"))
    let source = try scratch.openSource("source.img")
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    let ending = try Conversation(source: source, target: target).run()
    #expect(try ending.source.get().imageDigest == ending.target.get().imageDigest)
    #expect(ending.targetCounters.sent == 4096)
    #expect(ending.targetCounters.zero == (1 << 40) - 4 * 4096)
    #expect(ending.sourceCounters.wireSent + ending.sourceCounters.wireReceived < 10_000)
  }

  struct Moved: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var shift: Int
    var indexMemory: UInt64
    var isSeed = false
    /// Of 4000 pages.
    var mostSent: Int
  }

  @Test(arguments: [
    Moved(testDescription: "forwards", shift: 37, indexMemory: 64 << 20, mostSent: 0),
    Moved(testDescription: "backwards", shift: -37, indexMemory: 64 << 20, mostSent: 0),
    Moved(
      testDescription: "in a seed", shift: 37, indexMemory: 64 << 20, isSeed: true, mostSent: 0),
    // Room for 192 names: one page in thirty-two or so is known, and leads to its neighbours.
    Moved(testDescription: "forwards, sampled", shift: 37, indexMemory: 4096, mostSent: 300),
    Moved(testDescription: "backwards, sampled", shift: -37, indexMemory: 4096, mostSent: 300),
    Moved(
      testDescription: "in a seed, sampled", shift: 37, indexMemory: 4096, isSeed: true,
      mostSent: 300),
    Moved(testDescription: "without an index", shift: 37, indexMemory: 0, mostSent: 4000),
  ])
  func contentThatMovedIsFound(test: Moved) throws {
    let old = Pages.content(4000)
    var new = old
    let shift = test.shift
    new.pages =
      shift > 0
      ? Array(old.pages[(4000 - shift)...] + old.pages[..<(4000 - shift)])
      : Array(old.pages[(-shift)...] + old.pages[..<(-shift)])
    let job = Job(
      operation: .copy, serverRole: .target, indexMemoryByteCount: test.indexMemory)
    let ending = try Self.copy(
      new, onto: test.isSeed ? nil : old, job: job, seeds: test.isSeed ? [old] : [])
    let counters = ending.targetCounters
    #expect(counters.sent <= UInt64(test.mostSent) * 4096, "\(counters)")
    #expect(counters.sent + counters.found + counters.equal == 4000 * 4096)
  }

  @Test func aSeedThatIsOfNoUseIsNotReadToItsEnd() throws {
    let scratch = Scratch()
    for name in ["source.img", "target.img"] { scratch.write(Pages.content(300), to: name) }
    scratch.write(
      Pages((0..<200 * 256).map { $0 % 256 == 0 ? .content(1) : .hole }), to: "seed.img")
    let slow = Faults(on: .read) { _ in
      Clock.sleep(seconds: 0.05)
      return .proceed
    }
    let source = try scratch.openSource("source.img")
    let conversation = Conversation(
      job: Job(operation: .copy, serverRole: .target, threadCount: 1), source: source,
      target: try scratch.openTarget("target.img", for: source.byteCount),
      seeds: [try scratch.openSource("seed.img", slow)])
    let start = Clock.now
    #expect(try conversation.run().source.get().passCount == 1)
    #expect(Clock.now - start < 5)
  }

  @Test func contentThatRepeatsIsSentOnce() throws {
    let image = Pages((0..<5000).map { .noise(UInt64($0 % 50)) })
    let ending = try Self.copy(image, onto: nil)
    #expect(ending.targetCounters.sent == 50 * 4096)
    #expect(ending.targetCounters.found == 4950 * 4096)
  }

  @Test func theRateLimitHolds() throws {
    let scratch = Scratch()
    scratch.write(Pages((0..<100).map { .noise($0) }), to: "source.img")
    let source = try scratch.openSource("source.img")
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    let line = Line()
    let job = Job(operation: .copy, serverRole: .target)
    let receiving = Watchdog.Running("the target") {
      Conversation.receive(target, job, line.far)
    }
    let start = Clock.now
    let sending = Watchdog.Running("the source") {
      () -> Result<SourceRole.Outcome, TransferError> in
      let connection = Connection(line.near, bandwidthLimit: 800_000)
      let role = SourceRole(
        image: source, byteCount: source.byteCount, job: job, connection: connection,
        counters: Counters(), giveUp: {})
      connection.agree(on: role.shape)
      do throws(TransferError) {
        return .success(try role.run(target: TargetDescription(target)))
      } catch {
        return .failure(error)
      }
    }
    _ = try sending.value().get()
    _ = try receiving.value().get()
    #expect((0.45..<10).contains(Clock.now - start))
  }
}
