// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

/// Carries the order out on a simulated memory: every copy must read what it was to read, however
/// many others write.
@Suite struct CopyOrderTests {
  /// Copies within one image of `count` pages: from where each destination gets its content; -1
  /// is another image.
  private struct Plan {
    var count: Int
    var copies: [(destination: Int, source: Int)]
  }

  /// What the memory is afterwards, and how many pages were held early at most.
  private static func carryOut(
    _ plan: Plan, limit: Int
  ) -> (memory: [Int], mostHeld: Int, batches: Int)? {
    var memory = Array(0..<plan.count)
    var held: [Int: Int] = [:]
    var mostHeld = 0
    var batches = 0
    var done = Set<Int>()
    var order = CopyOrder(
      destinations: plan.copies.map(\.destination),
      sources: plan.copies.map { $0.source < 0 ? nil : $0.source })
    while let step = order.next(limit: limit) {
      switch step {
      case .readEarly(let copy):
        guard held[copy] == nil, !done.contains(copy) else { return nil }
        held[copy] = memory[plan.copies[copy].source]
        mostHeld = max(mostHeld, held.count)
      case .copy(let copies):
        guard !copies.isEmpty, copies.count <= limit else { return nil }
        let contents = copies.map { copy in
          held.removeValue(forKey: copy)
            ?? (plan.copies[copy].source < 0 ? -1 : memory[plan.copies[copy].source])
        }
        for (copy, content) in zip(copies, contents) {
          memory[plan.copies[copy].destination] = content
          guard done.insert(copy).inserted else { return nil }
        }
        batches += 1
      }
      if batches > plan.copies.count + 1 { return nil }
    }
    return done.count == plan.copies.count && held.isEmpty ? (memory, mostHeld, batches) : nil
  }

  private static func expected(_ plan: Plan) -> [Int] {
    var memory = Array(0..<plan.count)
    for copy in plan.copies { memory[copy.destination] = copy.source }
    return memory
  }

  private static func plan(_ way: String, _ count: Int, using random: inout Random) -> Plan {
    let half = count / 2
    let shift = 1 + random.below(count)
    let copies: [(Int, Int)] =
      switch way {
      case "permutation": Array(zip(0..<count, (0..<count).shuffled(using: &random)))
      case "forwards": (0..<count).filter { $0 >= shift }.map { ($0, $0 - shift) }
      case "backwards": (0..<count - shift).map { ($0, $0 + shift) }
      case "swap": (0..<half * 2).map { ($0, ($0 + half) % (half * 2)) }
      case "ring": (0..<count).map { ($0, ($0 + shift) % count) }
      case "one source": (0..<count).map { ($0, shift % count) }
      case "pairs": (0..<half * 2).map { ($0, $0 ^ 1) }
      case "self": (0..<count).map { ($0, $0) }
      case "other images": (0..<count).map { ($0, random.chance(0.5) ? -1 : random.below(count)) }
      default: (0..<count).filter { _ in random.chance(0.5) }.map { ($0, random.below(count)) }
      }
    return Plan(count: count, copies: copies.map { (destination: $0.0, source: $0.1) })
  }

  static let ways = [
    "permutation", "forwards", "backwards", "swap", "ring", "one source", "pairs", "self",
    "other images", "anything",
  ]

  @Test(arguments: ways)
  func everyCopyReadsWhatItNeeds(way: String) {
    var random = Random.printed(test: "everyCopyReadsWhatItNeeds(\(way))")
    for _ in 0..<60 {
      let plan = Self.plan(way, random.pick([1, 2, 3, 10, 100, 500]), using: &random)
      let limit = random.pick([1, 2, 7, 256])
      let comment: Comment = "seed \(random.seed), limit \(limit): \(plan)"
      guard let result = Self.carryOut(plan, limit: limit) else {
        Issue.record("it did not end, or did something twice: \(comment)")
        return
      }
      #expect(result.memory == Self.expected(plan), comment)
      // One ring is open at a time, so that memory stays small.
      #expect(result.mostHeld <= 1, comment)
    }
  }

  @Test func whatDependsOnNothingIsOneBatch() {
    let plan = Plan(count: 1000, copies: (0..<256).map { ($0, 500 + $0) })
    #expect(Self.carryOut(plan, limit: 256)?.batches == 1)
  }

  @Test func nothingIsNothing() {
    var order = CopyOrder(destinations: [], sources: [])
    let step = order.next(limit: 10)
    #expect(step == nil)
  }

  @Test func thePositionInAnAscendingListIsFound() {
    let list = [2, 4, 4, 9]
    #expect((0...10).map { list.firstPosition(notBelow: $0) } == [0, 0, 0, 1, 1, 3, 3, 3, 3, 3, 4])
    #expect([Int]().firstPosition(notBelow: 1) == 0)
  }
}
