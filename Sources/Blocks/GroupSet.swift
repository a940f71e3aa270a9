// SPDX-License-Identifier: Apache-2.0

/// Some of the 16 groups of one segment: a bit a group, group 0 the lowest.
package struct GroupSet: RawRepresentable, Hashable, Sendable {
  package private(set) var rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// No group.
  package init() { rawValue = 0 }

  /// The first groups of a segment, as many as said: all groups of a short segment, for one.
  package init(firstGroups count: Int) {
    precondition((0...Geometry.groupsPerSegment).contains(count), "a segment has 16 groups")
    rawValue = UInt16(truncatingIfNeeded: (1 << count) - 1)
  }

  package subscript(group: Int) -> Bool {
    get {
      precondition(group >= 0 && group < Geometry.groupsPerSegment, "a segment has 16 groups")
      return rawValue >> UInt16(group) & 1 == 1
    }
    set {
      precondition(group >= 0 && group < Geometry.groupsPerSegment, "a segment has 16 groups")
      let bit: UInt16 = 1 << UInt16(group)
      if newValue { rawValue |= bit } else { rawValue &= ~bit }
    }
  }

  package var count: Int { rawValue.nonzeroBitCount }

  package var isEmpty: Bool { rawValue == 0 }

  package func union(_ other: GroupSet) -> GroupSet {
    GroupSet(rawValue: rawValue | other.rawValue)
  }

  package func intersection(_ other: GroupSet) -> GroupSet {
    GroupSet(rawValue: rawValue & other.rawValue)
  }

  package func subtracting(_ other: GroupSet) -> GroupSet {
    GroupSet(rawValue: rawValue & ~other.rawValue)
  }

  package func isSubset(of other: GroupSet) -> Bool { subtracting(other).isEmpty }
}

extension GroupSet: Sequence {
  /// Gives the groups in the set, ascending.
  package struct Iterator: IteratorProtocol {
    fileprivate var rest: UInt16

    package mutating func next() -> Int? {
      guard rest != 0 else { return nil }
      defer { rest &= rest - 1 }
      return rest.trailingZeroBitCount
    }
  }

  package func makeIterator() -> Iterator { Iterator(rest: rawValue) }

  package var underestimatedCount: Int { count }
}
