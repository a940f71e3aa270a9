// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct PageSetTests {
  static func set(_ pages: some Sequence<Int>) -> PageSet {
    var result = PageSet()
    for page in pages { result[page] = true }
    return result
  }

  @Test func startsEmpty() {
    let set = PageSet()
    #expect(set.isEmpty)
    #expect(set.count == 0)
    #expect(Array(set) == [])
    #expect(set.runs == [])
    #expect(set == PageSet(firstPages: 0))
  }

  @Test func everyPageIsABitOfItsWord() {
    for page in 0..<256 {
      var set = PageSet()
      set[page] = true
      var words = SIMD4<UInt64>()
      words[page / 64] = 1 << UInt64(page % 64)
      #expect(set.words == words)
      #expect(set == PageSet(words: words))
      #expect(Array(set) == [page])
      #expect(set.runs == [page..<page + 1])
      set[page] = false
      #expect(set.isEmpty)
    }
  }

  @Test func firstPages() {
    for count in 0...256 {
      let set = PageSet(firstPages: count)
      #expect(set.count == count)
      #expect(Array(set) == Array(0..<count))
      #expect(set.runs == (count == 0 ? [] : [0..<count]))
    }
  }

  struct Runs: Sendable {
    var runs: [Range<Int>]
  }

  @Test(arguments: [
    Runs(runs: [0..<256]), Runs(runs: [0..<1, 255..<256]), Runs(runs: [63..<65]),
    Runs(runs: [60..<64, 65..<128, 129..<200]), Runs(runs: [64..<128]), Runs(runs: [1..<255]),
    Runs(runs: [0..<64, 128..<192]),
    Runs(runs: stride(from: 0, to: 256, by: 2).map { $0..<$0 + 1 }),
  ])
  func runsAreFound(each: Runs) {
    #expect(Self.set(each.runs.joined()).runs == each.runs)
  }

  @Test func agreesWithASetOfIntegers() {
    var random = Random.printed()
    for round in 0..<200 {
      let density = Double.random(in: 0...1, using: &random)
      func some() -> Set<Int> {
        Set((0..<256).filter { _ in Double.random(in: 0..<1, using: &random) < density })
      }
      let (one, other) = (some(), some())
      let (left, right) = (Self.set(one), Self.set(other))
      let comment = Comment(rawValue: "round \(round), \(random.comment)")
      #expect(Array(left) == one.sorted(), comment)
      #expect(left.count == one.count, comment)
      #expect((0..<256).allSatisfy { left[$0] == one.contains($0) }, comment)
      #expect(Array(left.union(right)) == one.union(other).sorted(), comment)
      #expect(Array(left.intersection(right)) == one.intersection(other).sorted(), comment)
      #expect(Array(left.subtracting(right)) == one.subtracting(other).sorted(), comment)
      #expect(left.isSubset(of: right) == one.isSubset(of: other), comment)
      #expect(left.intersection(right).isSubset(of: left), comment)
      #expect(Array(left.groups) == Set(one.map { $0 / 16 }).sorted(), comment)
      #expect(left.runs.flatMap(Array.init) == one.sorted(), comment)
      for group in 0..<16 {
        let bits = (0..<16).reduce(UInt16(0)) { $0 | (one.contains(16 * group + $1) ? 1 << $1 : 0) }
        #expect(left[group: group] == bits, comment)
      }
    }
  }

  @Test func groupsAreReadAndWrittenAsBits() {
    var set = PageSet(firstPages: 256)
    set[group: 3] = 0x8001
    set[group: 15] = 0
    #expect(set.runs == [0..<49, 63..<240])
    set[group: 3] = 0xffff
    #expect(set.runs == [0..<240])
    var groups = GroupSet()
    groups[0] = true
    groups[15] = true
    #expect(PageSet(pagesOf: groups).runs == [0..<16, 240..<256])
    #expect(PageSet(pagesOf: groups).groups == groups)
  }

  @Test func refusesPagesThatAreNotThere() async {
    await #expect(processExitsWith: .failure) { _ = PageSet()[256] }
    await #expect(processExitsWith: .failure) { _ = PageSet()[-1] }
    await #expect(processExitsWith: .failure) { _ = PageSet(firstPages: 257) }
    await #expect(processExitsWith: .failure) { _ = PageSet()[group: 16] }
  }
}
