// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Testing

@testable import Transfer

@Suite struct PairWalkTests {
  private enum Visit: Equatable, Sendable {
    case zero(Range<Int>)
    case pair(Int, hasTarget: Bool)
  }

  private static func walk(
    _ source: Pages, _ target: Pages?, threadCount: Int = 1,
    images: ((MemoryImage, MemoryImage?) -> Void)? = nil
  ) throws -> [Visit] {
    let visits = Monitor<[Visit]>([])
    let (sourceImage, targetImage) = (MemoryImage(source), target.map { MemoryImage($0) })
    let walk = PairWalk(
      source: sourceImage, target: targetImage, shape: source.shape, threadCount: threadCount)
    try walk.run(
      zero: { segments in visits.update { $0.append(.zero(segments)) } },
      body: { pair in
        let bytes = Array(pair.source.prefix(1))
        let hasTarget = pair.target != nil
        precondition(bytes.count == 1)
        visits.update { $0.append(.pair(pair.segment, hasTarget: hasTarget)) }
      })
    images?(sourceImage, targetImage)
    return visits.peek { $0 }
  }

  /// A segment a letter: c is content, a dot a hole.
  private static func image(_ letters: String) -> Pages {
    Pages(letters.flatMap { letter in (0..<256).map { _ in letter == "." ? .hole : .content(1) } })
  }

  @Test func whereBothHaveAHoleNothingIsRead() throws {
    let visits = try Self.walk(Self.image("..c...c"), Self.image("....c.c")) { source, target in
      #expect(source.readRanges.map(\.lowerBound) == [2 << 20, 6 << 20])
      #expect(target?.readRanges.map(\.lowerBound) == [4 << 20, 6 << 20])
    }
    #expect(
      visits == [
        .zero(0..<2), .pair(2, hasTarget: false), .zero(3..<4), .pair(4, hasTarget: true),
        .zero(5..<6), .pair(6, hasTarget: true),
      ])
  }

  @Test func withoutATargetOnlyTheSourceCounts() throws {
    let visits = try Self.walk(Self.image(".c."), nil)
    #expect(visits == [.zero(0..<1), .pair(1, hasTarget: false), .zero(2..<3)])
  }

  @Test func nothingIsNothing() throws {
    #expect(try Self.walk(Pages([]), Pages([]), threadCount: 4) == [])
  }

  @Test(arguments: [1, 2, 5])
  func everySegmentIsVisitedOnce(threadCount: Int) throws {
    var random = Random.printed()
    let source = Pages.random(pageCount: 3000, tail: 9, using: &random)
    let target = Pages.random(pageCount: 3000, tail: 9, using: &random)
    var seen = [Int](repeating: 0, count: source.shape.segmentCount)
    for visit in try Self.walk(source, target, threadCount: threadCount) {
      switch visit {
      case .zero(let segments): for segment in segments { seen[segment] += 1 }
      case .pair(let segment, _): seen[segment] += 1
      }
    }
    #expect(seen.allSatisfy { $0 == 1 }, "seed \(random.seed)")
  }

  struct Failing: Sendable {
    var source: Range<UInt64>?
    var target: Range<UInt64>?
    var isUnknown = false
    var end: TransferError.End
  }

  @Test(
    arguments: [
      Failing(source: 5 << 20..<6 << 20, end: .source),
      Failing(target: 5 << 20..<6 << 20, end: .target),
      Failing(source: 0..<1, isUnknown: true, end: .source),
      Failing(target: 0..<1, isUnknown: true, end: .target),
    ], [1, 3])
  func aFailureEndsIt(test: Failing, threadCount: Int) throws {
    func image(_ range: Range<UInt64>?) -> MemoryImage {
      MemoryImage(
        Self.image(String(repeating: "c", count: 40)), unreadable: test.isUnknown ? nil : range,
        unknown: test.isUnknown ? range : nil)
    }
    let (source, target) = (image(test.source), image(test.target))
    let walk = PairWalk(
      source: source, target: target, shape: ImageShape(byteCount: source.byteCount),
      threadCount: threadCount)
    let visited = Monitor(0)
    let error = #expect(throws: TransferError.self) {
      try walk.run(zero: { _ in }, body: { _ in visited.update { $0 += 1 } })
    }
    #expect(error?.end == test.end)
    #expect(visited.peek { $0 } < 40)
  }

  @Test func whatFailsInAVisitIsTheTarget() {
    let image = MemoryImage(Self.image("ccc"))
    let walk = PairWalk(
      source: image, target: nil, shape: ImageShape(byteCount: image.byteCount), threadCount: 2)
    let error = #expect(throws: TransferError.self) {
      try walk.run(
        zero: { _ in },
        body: { (_) throws(StorageError) in
          throw StorageError(.system(28), object: "x", operation: "write")
        })
    }
    #expect(error?.end == .target)
  }
}
