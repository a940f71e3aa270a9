// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Holds the outline of a delta against the target, in step with a scan of it: is the target what
/// the delta was made against, is it the result already, or something between the two, as an
/// interrupted run leaves it?
struct OutlineCheck {
  /// What the segments were found to be.
  struct Finding {
    /// As they will be, or never differed.
    var doneCount: UInt64 = 0
    /// As the delta expects them.
    var expectedCount: UInt64 = 0
    /// Neither, but about to be given: an interrupted run may have torn them.
    var tornCount: UInt64 = 0
    /// The first segment that is neither; of all, and of those that no interruption explains.
    var firstTorn: Int?
    var firstForeign: Int?

    var isResult: Bool { expectedCount == 0 && tornCount == 0 && firstForeign == nil }
  }

  private(set) var finding = Finding()
  private let shape: ImageShape
  private let counters: Counters
  /// Of the image that the delta makes.
  private var folder: TreeFolder
  private var chain = ChangeChain()
  private var changedSegmentCount: UInt64 = 0
  /// What the scan has found and no run has been held against.
  private var found: Found = .nothing

  private enum Found {
    case nothing
    case zero(Int)
    case data(Digest)
  }

  init(shape: ImageShape, counters: Counters) {
    self.shape = shape
    self.counters = counters
    folder = TreeFolder(shape: shape)
  }

  var segmentCount: Int { folder.segmentCount }
  var isComplete: Bool { folder.segmentCount == shape.segmentCount }

  /// Takes a run; `next` gives what the target is, piece by piece.
  mutating func add(
    _ run: DeltaOutline.Run, _ next: () throws(TransferError) -> ImageScan.Item?
  ) throws(TransferError) {
    var index = 0
    while index < run.count {
      if case .nothing = found {
        switch try next() {
        case .zero(let segments): found = .zero(segments.count)
        case .data(_, let digests): found = .data(digests.digest)
        case nil: preconditionFailure("the scan ends before its image")
        }
      }
      var count = 1
      if case .zero(let zeros) = found {
        // Runs without digests may be as long as an image.
        if run.kind.digestsPerSegment == 0 { count = min(zeros, run.count - index) }
        found = zeros > count ? .zero(zeros - count) : .nothing
        judge(run, index, nil, count: count)
      } else if case .data(let digest) = found {
        found = .nothing
        judge(run, index, digest, count: 1)
      }
      take(run, index, count: count)
      index += count
    }
  }

  /// What the delta promises to give, when all runs have been taken.
  func chainDigest() -> Digest { chain.finish() }

  /// The digest and the count that follow from all runs.
  func agrees(with agreement: DeltaAgreement) -> Bool {
    folder.finish() == agreement.imageDigest
      && changedSegmentCount == agreement.changedSegmentCount
  }

  /// `digest` is what the target is; nil is zero.
  private mutating func judge(
    _ run: DeltaOutline.Run, _ index: Int, _ digest: Digest?, count: Int
  ) {
    let segment = folder.segmentCount
    let after = run.after(index)
    let isDone = matches(digest, after, segment)
    if isDone {
      finding.doneCount += UInt64(count)
      return
    }
    switch run.kind {
    case .zero, .same:
      finding.firstForeign = finding.firstForeign ?? segment
    case .added, .addedZero:
      finding.expectedCount += UInt64(count)
    case .changed, .cleared:
      if matches(digest, run.before(index), segment) {
        finding.expectedCount += 1
      } else {
        finding.tornCount += 1
        finding.firstTorn = finding.firstTorn ?? segment
      }
    }
  }

  private func matches(_ one: Digest?, _ other: Digest?, _ segment: Int) -> Bool {
    if one == other { return true }
    let zero = ZeroDigests.segment(length: shape.segmentLength(segment))
    return (one ?? zero) == (other ?? zero)
  }

  private mutating func take(_ run: DeltaOutline.Run, _ index: Int, count: Int) {
    let segment = folder.segmentCount
    if let after = run.after(index) {
      folder.append(segment: after)
    } else {
      folder.appendZeroSegments(count)
    }
    switch run.kind {
    case .zero, .same: break
    case .cleared, .addedZero: chain.add(zeros: segment..<segment + count)
    case .changed, .added:
      if let after = run.after(index) { chain.add(segment: segment, digest: after) }
    }
    let end = shape.segmentRange(folder.segmentCount - 1).upperBound
    let byteCount = end - shape.segmentRange(segment).lowerBound
    switch run.kind {
    case .zero: counters.add(byteCount, to: .zero)
    case .same: counters.add(byteCount, to: .equal)
    case .changed, .cleared, .added, .addedZero: changedSegmentCount += UInt64(count)
    }
    counters.set(.scanned, to: end)
  }
}
