// SPDX-License-Identifier: Apache-2.0

/// Some of the 256 pages of one segment: a bit a page, page 0 the lowest bit of word 0.
package struct PageSet: Hashable, Sendable {
  /// The bits, 64 pages a word. Their 32 little-endian bytes are what travels.
  package private(set) var words: SIMD4<UInt64>

  /// No page.
  package init() { words = .zero }

  package init(words: SIMD4<UInt64>) { self.words = words }

  /// The first pages of a segment, as many as said: all pages of a short segment, for one.
  package init(firstPages count: Int) {
    precondition((0...Geometry.pagesPerSegment).contains(count), "a segment has 256 pages")
    words = .zero
    for word in 0..<4 {
      let bits = Swift.min(Swift.max(count - 64 * word, 0), 64)
      words[word] = bits == 64 ? .max : (1 << UInt64(bits)) - 1
    }
  }

  package subscript(page: Int) -> Bool {
    get {
      precondition(page >= 0 && page < Geometry.pagesPerSegment, "a segment has 256 pages")
      return words[page >> 6] >> UInt64(page & 63) & 1 == 1
    }
    set {
      precondition(page >= 0 && page < Geometry.pagesPerSegment, "a segment has 256 pages")
      let bit: UInt64 = 1 << UInt64(page & 63)
      if newValue { words[page >> 6] |= bit } else { words[page >> 6] &= ~bit }
    }
  }

  /// The 16 pages of one group, its first page the lowest bit.
  package subscript(group group: Int) -> UInt16 {
    get {
      precondition(group >= 0 && group < Geometry.groupsPerSegment, "a segment has 16 groups")
      return UInt16(truncatingIfNeeded: words[group >> 2] >> UInt64(16 * (group & 3)))
    }
    set {
      precondition(group >= 0 && group < Geometry.groupsPerSegment, "a segment has 16 groups")
      let shift = UInt64(16 * (group & 3))
      words[group >> 2] = words[group >> 2] & ~(0xffff << shift) | UInt64(newValue) << shift
    }
  }

  package var count: Int {
    words[0].nonzeroBitCount + words[1].nonzeroBitCount + words[2].nonzeroBitCount
      + words[3].nonzeroBitCount
  }

  package var isEmpty: Bool { words == .zero }

  package func union(_ other: PageSet) -> PageSet { PageSet(words: words | other.words) }

  package func intersection(_ other: PageSet) -> PageSet { PageSet(words: words & other.words) }

  package func subtracting(_ other: PageSet) -> PageSet { PageSet(words: words & ~other.words) }

  package func isSubset(of other: PageSet) -> Bool { subtracting(other).isEmpty }

  /// The groups that have a page in the set.
  package var groups: GroupSet {
    var result = GroupSet()
    for group in 0..<Geometry.groupsPerSegment where self[group: group] != 0 {
      result[group] = true
    }
    return result
  }

  package init(only page: Int) {
    self.init()
    self[page] = true
  }

  /// All pages of some groups.
  package init(pagesOf groups: GroupSet) {
    self.init()
    for group in groups { self[group: group] = .max }
  }

  /// Contiguous runs of pages in the set, ascending: each is one read or write.
  package var runs: [Range<Int>] {
    var result: [Range<Int>] = []
    var position = 0
    while let start = first(from: position, isInSet: true) {
      let end = first(from: start, isInSet: false) ?? Geometry.pagesPerSegment
      result.append(start..<end)
      position = end
    }
    return result
  }

  /// The first page at or after a position that is, or is not, in the set.
  fileprivate func first(from position: Int, isInSet: Bool) -> Int? {
    var word = position >> 6
    guard word < 4 else { return nil }
    var bits = (isInSet ? words[word] : ~words[word]) >> UInt64(position & 63)
    if bits != 0 { return position + bits.trailingZeroBitCount }
    word += 1
    while word < 4 {
      bits = isInSet ? words[word] : ~words[word]
      if bits != 0 { return 64 * word + bits.trailingZeroBitCount }
      word += 1
    }
    return nil
  }
}

extension PageSet: Sequence {
  /// Gives the pages in the set, ascending.
  package struct Iterator: IteratorProtocol {
    fileprivate let set: PageSet
    fileprivate var position = 0

    package mutating func next() -> Int? {
      guard let page = set.first(from: position, isInSet: true) else { return nil }
      position = page + 1
      return page
    }
  }

  package func makeIterator() -> Iterator { Iterator(set: self) }

  package var underestimatedCount: Int { count }
}
