// SPDX-License-Identifier: Apache-2.0

import Blocks

/// What the target's image will be, segment by segment: what its own scan found, overridden
/// where the source announced something else, folded into the image's digest in ascending
/// order as soon as a segment is final.
///
/// Memory is what lies between the last segment that is final and the end of the scan; runs
/// of zeros weigh nothing.
struct Ledger {
  /// What the scan, or a closed record, says of one segment.
  struct Entry {
    var digest: Digest
    var zeroByteCount: Int
    /// How much of it had to come from elsewhere.
    var changedByteCount = 0
  }

  private enum Scanned {
    case zero(count: Int)
    case segment(Entry)
  }

  private enum Override {
    case open
    case closed(Entry)
  }

  /// What is known of the image from some segment on.
  enum Known {
    /// Zeros as far as this segment.
    case zero(end: Int)
    case segment(Entry)
  }

  private let shape: ImageShape
  /// Takes the place of a scan.
  private let known: (@Sendable (_ segment: Int) -> Known)?
  private var folder: TreeFolder
  private var scanned: [Scanned] = []
  private var scannedHead = 0
  private var overrides: [Int: Override] = [:]
  /// The segments of `overrides` in the order of their announcement, which ascends.
  private var overridden: [Int] = []
  private var overriddenHead = 0
  /// Announced as zero by the source, ascending; the first of them may be folded in part.
  private var zeroRanges: [Range<Int>] = []
  private var zeroHead = 0
  /// Nothing from here on is folded: zeros that were announced and not written yet.
  private var barrier: Int?

  /// Every segment below is final and in the digest.
  private(set) var foldedCount = 0
  private(set) var scannedCount = 0
  /// How many segments with data the scan found.
  private(set) var scannedDataCount = 0
  /// Scanned segments with data that the source has not announced yet.
  private(set) var waitingDataCount = 0
  private(set) var announcedCount = 0
  private var equalByteCount: UInt64 = 0
  private var zeroByteCount: UInt64 = 0

  init(shape: ImageShape, known: (@Sendable (_ segment: Int) -> Known)? = nil) {
    self.shape = shape
    self.known = known
    if known != nil { scannedCount = shape.segmentCount }
    folder = TreeFolder(shape: shape)
  }

  var isComplete: Bool { foldedCount == shape.segmentCount }

  /// Whether what the segment will be was said before, other than by the scan or as zero.
  func isKnown(_ segment: Int) -> Bool { segment < foldedCount || overrides[segment] != nil }

  /// What is known of the finished part: bytes that were equal in place, and zeros.
  var totals: (equal: UInt64, zero: UInt64) { (equalByteCount, zeroByteCount) }

  /// The image's digest; only when complete.
  func digest() -> Digest {
    let folder = folder
    return folder.finish()
  }
}

// MARK: - What is learnt

extension Ledger {
  mutating func scan(zeroSegments count: Int) {
    scanned.append(.zero(count: count))
    scannedCount += count
  }

  mutating func scan(_ entry: Entry) {
    scanned.append(.segment(entry))
    scannedCount += 1
    scannedDataCount += 1
    waitingDataCount += 1
  }

  /// Everything below `segment` has been announced by the source.
  mutating func announce(upTo segment: Int) {
    announcedCount = max(announcedCount, segment)
    fold()
  }

  /// The source has something else there; it stays open until `close`.
  mutating func open(_ segment: Int) {
    override(segment, .open)
  }

  mutating func close(_ segment: Int, _ entry: Entry) {
    override(segment, .closed(entry))
    fold()
  }

  private mutating func override(_ segment: Int, _ override: Override) {
    if overrides.updateValue(override, forKey: segment) == nil { overridden.append(segment) }
  }

  /// The source has zeros there; they are written by `zerosWritten`.
  mutating func announceZero(_ segments: Range<Int>) {
    zeroRanges.append(segments)
    barrier = barrier ?? segments.lowerBound
  }

  mutating func zerosWritten() {
    barrier = nil
    fold()
  }
}

// MARK: - Folding

extension Ledger {
  private mutating func fold() {
    while foldedCount < announcedCount {
      if let barrier, foldedCount >= barrier { return }
      if zeroHead < zeroRanges.count, zeroRanges[zeroHead].contains(foldedCount) {
        foldZeroRange()
      } else if let override = overrides[foldedCount] {
        guard case .closed(let entry) = override else { return }
        dropOverride()
        dropScanned(1)
        fold(entry)
      } else if !foldScanned() {
        return
      }
    }
  }

  private mutating func foldZeroRange() {
    let range = zeroRanges[zeroHead]
    let end = min(range.upperBound, announcedCount)
    dropScanned(end - foldedCount)
    foldZero(end - foldedCount)
    if foldedCount == range.upperBound {
      zeroHead += 1
      if zeroHead == zeroRanges.count {
        zeroRanges.removeAll(keepingCapacity: true)
        zeroHead = 0
      }
    }
  }

  /// Takes what the scan found at the next segment; false when it has not come so far.
  private mutating func foldScanned() -> Bool {
    if let known {
      switch known(foldedCount) {
      case .segment(let entry): fold(entry)
      case .zero(let end): foldZero(zeroEnd(end) - foldedCount)
      }
      return true
    }
    guard scannedHead < scanned.count else { return false }
    switch scanned[scannedHead] {
    case .segment(let entry):
      dropScanned(1)
      fold(entry)
    case .zero(let count):
      let end = zeroEnd(foldedCount + count)
      dropScanned(end - foldedCount)
      foldZero(end - foldedCount)
    }
    return true
  }

  /// How far zeros that begin here may be folded.
  private func zeroEnd(_ end: Int) -> Int {
    var end = min(end, announcedCount)
    if zeroHead < zeroRanges.count { end = min(end, zeroRanges[zeroHead].lowerBound) }
    if let next = nextOverride { end = min(end, next) }
    return end
  }

  /// The first overridden segment behind the next one.
  private var nextOverride: Int? {
    guard overriddenHead < overridden.count else { return nil }
    let segment = overridden[overriddenHead]
    return segment > foldedCount ? segment : nil
  }

  private mutating func dropOverride() {
    overrides[foldedCount] = nil
    overriddenHead += 1
    if overriddenHead == overridden.count {
      overridden.removeAll(keepingCapacity: true)
      overriddenHead = 0
    } else if overriddenHead >= 1024 && overriddenHead * 2 >= overridden.count {
      overridden.removeFirst(overriddenHead)
      overriddenHead = 0
    }
  }

  private mutating func fold(_ entry: Entry) {
    let length = UInt64(shape.segmentLength(foldedCount))
    let zero = UInt64(entry.zeroByteCount)
    zeroByteCount += zero
    equalByteCount += length - min(length, zero + UInt64(entry.changedByteCount))
    folder.append(segment: entry.digest)
    foldedCount += 1
  }

  private mutating func foldZero(_ count: Int) {
    guard count > 0 else { return }
    let first = shape.segmentRange(foldedCount).lowerBound
    let last = shape.segmentRange(foldedCount + count - 1).upperBound
    zeroByteCount += last - first
    folder.appendZeroSegments(count)
    foldedCount += count
  }

  /// Forgets what the scan found for the next `count` segments, as far as it found anything.
  private mutating func dropScanned(_ count: Int) {
    var left = count
    while left > 0, scannedHead < scanned.count {
      switch scanned[scannedHead] {
      case .segment:
        waitingDataCount -= 1
        left -= 1
        scannedHead += 1
      case .zero(let zeroCount) where zeroCount > left:
        scanned[scannedHead] = .zero(count: zeroCount - left)
        left = 0
      case .zero(let zeroCount):
        left -= zeroCount
        scannedHead += 1
      }
    }
    if scannedHead == scanned.count {
      scanned.removeAll(keepingCapacity: true)
      scannedHead = 0
    } else if scannedHead >= 1024 && scannedHead * 2 >= scanned.count {
      scanned.removeFirst(scannedHead)
      scannedHead = 0
    }
  }
}
