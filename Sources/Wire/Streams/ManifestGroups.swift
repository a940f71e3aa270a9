// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// A piece of a manifest stream: segments that follow each other, each with the digests of its
/// groups, and runs of segments that are zero. Built by appending until `isFull`.
package struct ManifestGroups: Equatable, Sendable {
  package enum Item: Equatable, Sendable {
    /// So many segments in which every byte is zero.
    case zero(count: Int)
    /// One segment. Groups that are not in the set are zero; the others have a digest each.
    case groups(GroupSet, [Digest])
  }

  package let first: Int
  package private(set) var items: [Item] = []
  package private(set) var segmentCount = 0

  /// Empty, and to begin at segment `first`.
  package init(first: Int) { self.first = first }

  package var isEmpty: Bool { items.isEmpty }
  package var isFull: Bool { items.count >= StreamLimits.itemsPerRecord }
  /// The first segment that it does not speak of.
  package var end: Int { first + segmentCount }

  package mutating func append(zeroSegments count: Int) {
    precondition(!isFull && count > 0, "a run of zero segments does not fit")
    if case .zero(let before) = items.last {
      items[items.count - 1] = .zero(count: before + count)
    } else {
      items.append(.zero(count: count))
    }
    segmentCount += count
  }

  package mutating func append(_ groups: GroupSet, _ digests: [Digest]) {
    precondition(!isFull && groups.count == digests.count, "a segment does not fit")
    items.append(.groups(groups, digests))
    segmentCount += 1
  }

  private enum Kind: UInt8, CaseIterable {
    case zero = 0
    case groups = 1
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    first = try reader.segment("first segment")
    let count = try reader.checked(
      reader.uint16("items"), "items", in: 1...StreamLimits.itemsPerRecord)
    items.reserveCapacity(count)
    for _ in 0..<count {
      switch try reader.choice("item", of: Kind.self) {
      case .zero:
        let zeros = try reader.segmentCount("zero segments", from: end)
        items.append(.zero(count: zeros))
        segmentCount += zeros
      case .groups:
        try reader.checkSegments(1, "groups", from: end)
        let groups = try reader.groups("groups", of: end)
        items.append(.groups(groups, try reader.digests(groups.count, "digests")))
        segmentCount += 1
      }
    }
  }

  func write(to writer: inout PayloadWriter) {
    precondition(!items.isEmpty && end <= WireLimits.segmentCount)
    writer.write(UInt64(first))
    writer.write(UInt16(items.count))
    for item in items {
      switch item {
      case .zero(let count):
        writer.write(Kind.zero.rawValue)
        writer.write(UInt64(count))
      case .groups(let groups, let digests):
        writer.write(Kind.groups.rawValue)
        writer.write(groups.rawValue)
        writer.write(digests)
      }
    }
  }
}
