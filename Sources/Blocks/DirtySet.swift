// SPDX-License-Identifier: Apache-2.0

/// Which groups of an image may have been written since somebody looked: two bytes a segment,
/// whatever is in them.
///
/// It is a hint and errs on one side only: a group that is not in it was not written.
package struct DirtySet: Equatable, Sendable {
  package let shape: ImageShape
  private var segments: [GroupSet]
  /// How many bytes were reported, each as often as it was: what of the image is likely to
  /// differ, which may be much less than the groups.
  package private(set) var reportedByteCount: UInt64 = 0

  /// Nothing is dirty.
  package init(shape: ImageShape) {
    self.shape = shape
    segments = .init(repeating: GroupSet(), count: shape.segmentCount)
  }

  package var isEmpty: Bool { segments.allSatisfy(\.isEmpty) }

  /// How much lies in the groups.
  package var groupCount: Int { segments.reduce(0) { $0 + $1.count } }

  /// The dirty groups of a segment.
  package subscript(segment: Int) -> GroupSet {
    get { segments[segment] }
    set { segments[segment] = newValue.intersection(existingGroups(of: segment)) }
  }

  /// Puts down that some bytes were written. What lies outside of the image is ignored: hints come
  /// from elsewhere.
  package mutating func insert(_ range: Range<UInt64>) {
    let range = range.clamped(to: 0..<shape.byteCount)
    if range.isEmpty { return }
    reportedByteCount &+= UInt64(range.count)
    let groupByteCount = UInt64(Geometry.groupByteCount)
    let first = Int(range.lowerBound / groupByteCount)
    let last = Int((range.upperBound - 1) / groupByteCount)
    var group = first
    while group <= last {
      let segment = group / Geometry.groupsPerSegment
      let end = min(last + 1, (segment + 1) * Geometry.groupsPerSegment)
      let base = segment * Geometry.groupsPerSegment
      let below = GroupSet(firstGroups: group - base)
      let groups = GroupSet(firstGroups: end - base).subtracting(below)
      segments[segment] = segments[segment].union(groups)
      group = end
    }
  }

  /// Nothing is known any more.
  package mutating func insertAll() {
    reportedByteCount = shape.byteCount
    for segment in segments.indices { segments[segment] = existingGroups(of: segment) }
  }

  package mutating func formUnion(_ other: DirtySet) {
    precondition(shape.byteCount == other.shape.byteCount, "sets of one image")
    reportedByteCount &+= other.reportedByteCount
    for segment in segments.indices {
      segments[segment] = segments[segment].union(other.segments[segment])
    }
  }

  /// The groups that are in both. What was reported is shared out by their number.
  package func intersection(_ other: DirtySet) -> DirtySet {
    combined(other) { $0.intersection($1) }
  }

  /// The groups that are not in the other one.
  package func subtracting(_ other: DirtySet) -> DirtySet {
    combined(other) { $0.subtracting($1) }
  }

  private func combined(
    _ other: DirtySet, _ body: (GroupSet, GroupSet) -> GroupSet
  ) -> DirtySet {
    precondition(shape.byteCount == other.shape.byteCount, "sets of one image")
    var result = self
    for segment in segments.indices {
      result.segments[segment] = body(segments[segment], other.segments[segment])
    }
    let (part, whole) = (Double(result.groupCount), Double(max(groupCount, 1)))
    result.reportedByteCount = UInt64(Double(reportedByteCount) * (part / whole))
    return result
  }

  package mutating func removeAll() {
    self = DirtySet(shape: shape)
  }

  /// The first segment at or behind `segment` of which something is dirty.
  package func nextSegment(from segment: Int) -> Int? {
    var segment = segment
    while segment < segments.count {
      if !segments[segment].isEmpty { return segment }
      segment += 1
    }
    return nil
  }

  private func existingGroups(of segment: Int) -> GroupSet {
    let length = shape.segmentLength(segment)
    let count = (length + Geometry.groupByteCount - 1) / Geometry.groupByteCount
    return GroupSet(firstGroups: count)
  }
}
