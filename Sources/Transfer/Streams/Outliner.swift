// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Compares an image with a manifest, in step, and writes the outline of a delta.
struct Outliner {
  /// What is to be given, and what that will amount to.
  struct Changes {
    var list = ChangeList()
    var chain: Digest
    var segmentCount: UInt64
  }

  private let base: ManifestCursor
  private let shape: ImageShape
  private let output: StreamOutput
  private var outline = DeltaOutline(first: 0)
  private var list = ChangeList()
  private var chain = ChangeChain()
  private var changedSegmentCount: UInt64 = 0

  init(base: ManifestCursor, shape: ImageShape, output: StreamOutput) {
    self.base = base
    self.shape = shape
    self.output = output
  }

  /// Takes the next piece of the image.
  mutating func add(_ item: ImageScan.Item) throws(TransferError) {
    switch item {
    case .zero(let segments):
      var rest = segments
      while !rest.isEmpty {
        let count = try addZeros(rest)
        rest = rest.lowerBound + count..<rest.upperBound
      }
    case .data(let segment, let digests): try add(segment, digests)
    }
  }

  /// Writes the end of the outline, when all of the image has been taken.
  mutating func finish(imageDigest: Digest) throws(TransferError) -> Changes {
    let baseDigest = try base.finish()
    try flush()
    try output.write(
      .agreement(
        DeltaAgreement(
          baseDigest: baseDigest, imageDigest: imageDigest,
          changedSegmentCount: changedSegmentCount)))
    return Changes(list: list, chain: chain.finish(), segmentCount: changedSegmentCount)
  }

  /// Whether the base has this segment, with as many bytes.
  private func isComparable(_ segment: Int) -> Bool {
    segment < base.shape.segmentCount
      && base.shape.segmentLength(segment) == shape.segmentLength(segment)
  }

  /// The image is zero here. Gives how many segments were dealt with.
  private mutating func addZeros(_ segments: Range<Int>) throws(TransferError) -> Int {
    let first = segments.lowerBound
    // The one segment that both have and in which one of them ends is dealt with alone.
    let border = min(base.shape.segmentCount, shape.segmentCount) - 1
    let hasBorder = border >= 0 && !isComparable(border)
    let isBorder = hasBorder && first == border
    let limit =
      isBorder ? 1 : hasBorder && segments.contains(border) ? border - first : segments.count
    switch try base.take(atMost: limit) {
    case .zero(let count) where !isBorder:
      try append(DeltaOutline.Run(.zero, count: count))
      return count
    case .groups(let groups) where !isBorder:
      let before = SegmentDigests.segment(groups)
      try change(zeros: first..<first + 1)
      try append(DeltaOutline.Run(.cleared, count: 1, digests: [before]))
      return 1
    case .absent(let count):
      try change(zeros: first..<first + count)
      try append(DeltaOutline.Run(.addedZero, count: count))
      return count
    case .zero, .groups:
      try change(zeros: first..<first + 1)
      try append(DeltaOutline.Run(.addedZero, count: 1))
      return 1
    }
  }

  private mutating func add(
    _ segment: Int, _ digests: SegmentDigests
  ) throws(TransferError) {
    let before: [Digest]
    switch try base.take(atMost: 1) {
    case .zero: before = base.shape.groups(of: segment, GroupSet(), [])
    case .groups(let groups): before = groups
    case .absent: before = []
    }
    let isComparable = isComparable(segment)
    if isComparable && before == digests.groups {
      return try append(DeltaOutline.Run(.same, count: 1, digests: [digests.digest]))
    }
    var groups = GroupSet()
    for group in digests.groups.indices {
      let isSame =
        group < before.count && before[group] == digests.groups[group]
        && base.shape.groupLength(group, of: segment) == shape.groupLength(group, of: segment)
      if !isSame { groups[group] = true }
    }
    // Only the base goes on. There must be something to give, or it would be no change.
    if groups.isEmpty { groups[digests.groups.count - 1] = true }
    list.append(groups, of: segment)
    chain.add(segment: segment, digest: digests.digest)
    changedSegmentCount += 1
    let run =
      isComparable
      ? DeltaOutline.Run(
        .changed, count: 1, digests: [SegmentDigests.segment(before), digests.digest])
      : DeltaOutline.Run(.added, count: 1, digests: [digests.digest])
    try append(run)
  }

  private mutating func change(zeros segments: Range<Int>) throws(TransferError) {
    list.append(zeros: segments)
    chain.add(zeros: segments)
    changedSegmentCount += UInt64(segments.count)
  }

  private mutating func append(_ run: DeltaOutline.Run) throws(TransferError) {
    outline.append(run)
    if outline.isFull { try flush() }
  }

  private mutating func flush() throws(TransferError) {
    if outline.isEmpty { return }
    try output.write(.outline(outline))
    outline = DeltaOutline(first: outline.end)
  }
}
