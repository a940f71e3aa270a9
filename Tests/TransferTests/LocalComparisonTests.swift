// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Testing

@testable import Transfer

@Suite struct LocalComparisonTests {
  private static func compare(
    _ source: Pages, _ target: Pages, threadCount: Int = 2, byteCount: UInt64? = nil,
    counters: Counters = Counters()
  ) throws -> Difference {
    let scratch = Scratch()
    scratch.write(source, to: "source.img")
    scratch.write(target, to: "target.img")
    return try LocalComparison(
      source: try scratch.openSource("source.img"), target: try scratch.openSource("target.img"),
      byteCount: byteCount ?? UInt64(source.byteCount), threadCount: threadCount,
      counters: counters
    ).run()
  }

  /// Page by page.
  private static func expected(_ source: Pages, _ target: Pages) -> Difference {
    var difference = Difference()
    for page in source.pages.indices {
      let (one, other) = (source.pages[page], target.pages[page])
      let areZero = [one, other].allSatisfy { $0 == .hole || $0 == .zero }
      if one != other && !areZero { difference.add(page: page, shape: source.shape) }
    }
    if source.tail != target.tail {
      difference.add(page: source.pages.count, shape: source.shape)
    }
    return difference
  }

  @Test(arguments: ["equal", "changed", "unrelated", "shuffled", "ring"], [1, 3])
  func everyDifferenceIsFound(way: String, threadCount: Int) throws {
    var random = Random.printed(test: "everyDifferenceIsFound(\(way), \(threadCount))")
    for _ in 0..<4 {
      let images = ConversationTests.Images(way, using: &random)
      guard let target = images.target else { return }
      let counters = Counters()
      let found = try Self.compare(
        images.source, target, threadCount: threadCount, counters: counters)
      let comment: Comment = "seed \(random.seed): \(images.testDescription)"
      #expect(found == Self.expected(images.source, target), comment)
      #expect(counters.snapshot.scanned == UInt64(images.source.byteCount), comment)
    }
  }

  @Test func onlyWhatIsToBeComparedIs() throws {
    var other = Pages.content(300)
    other.pages[299] = .zero
    let first: UInt64 = 299 * 4096
    #expect(try Self.compare(Pages.content(300), other, byteCount: first) == Difference())
    #expect(try Self.compare(Pages.content(300), other).first == first)
  }

  @Test(arguments: [TransferError.End.source, .target])
  func errorsNameTheEnd(end: TransferError.End) throws {
    let scratch = Scratch()
    scratch.write(Pages.content(600), to: "source.img")
    scratch.write(Pages.content(600), to: "target.img")
    let faults = Faults(.read, fails: EIO, touching: 300 * 4096..<301 * 4096)
    let source = try scratch.openSource("source.img", end == .source ? faults : nil)
    let target = try scratch.openSource("target.img", end == .target ? faults : nil)
    let error = #expect(throws: TransferError.self) {
      try LocalComparison(
        source: source, target: target, byteCount: source.byteCount, threadCount: 2,
        counters: Counters()
      ).run()
    }
    #expect(error?.end == end && error?.sentence.contains("/\(end).img: read ") == true)
  }
}
