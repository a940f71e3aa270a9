// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// What a target is of which the source is a stream: what its scan found, overlaid with what has
/// been written since, folded into the tree as far as the stream has come.
struct StreamLedger {
  /// What was found and is not folded yet, in order; nil is zero.
  private var found = Fifo<(end: Int, digest: Digest?)>()
  private var changed: [Int: Digest] = [:]
  private(set) var open: Set<Int> = []
  private(set) var scanEnd = 0
  /// All segments below were announced by the source.
  private(set) var position = 0
  private var folder: TreeFolder
  var hasStopped = false

  /// Segments with a digest that the scan may be ahead of the source.
  static let leadLimit = 8192

  /// A target that starts as zero needs no scan.
  init(shape: ImageShape, startsZero: Bool) {
    folder = TreeFolder(shape: shape)
    if startsZero { scan(zeros: shape.segmentCount) }
  }

  var mayScan: Bool { scanEnd < position + Self.leadLimit }

  mutating func scan(zeros count: Int) {
    if count == 0 { return }
    scanEnd += count
    found.append((scanEnd, nil))
  }

  mutating func scan(_ digest: Digest) {
    scanEnd += 1
    found.append((scanEnd, digest))
  }

  /// The source may speak of a segment once, in ascending order, and when it was told of it.
  func maySpeak(of segment: Int) -> Bool {
    segment >= position && segment < scanEnd && changed[segment] == nil && !open.contains(segment)
  }

  mutating func begin(_ segment: Int) { open.insert(segment) }

  mutating func change(_ segment: Int, to digest: Digest) {
    open.remove(segment)
    changed[segment] = digest
  }

  /// False when the source says what it cannot know.
  mutating func advance(to segment: Int) -> Bool {
    guard segment >= position, segment <= scanEnd else { return false }
    position = segment
    fold(upTo: segment)
    return true
  }

  /// The digest of an image of so many bytes; nil when not all of it is known.
  mutating func finish(byteCount: UInt64) -> Digest? {
    let count = ImageShape(byteCount: byteCount).segmentCount
    fold(upTo: count)
    return folder.segmentCount == count ? folder.finish(byteCount: byteCount) : nil
  }

  private mutating func fold(upTo end: Int) {
    while folder.segmentCount < end, !open.contains(folder.segmentCount) {
      let segment = folder.segmentCount
      while let first = found.first, first.end <= segment { _ = found.popFirst() }
      if let digest = changed.removeValue(forKey: segment) {
        folder.append(segment: digest)
      } else if let digest = found.first?.digest {
        folder.append(segment: digest)
      } else {
        folder.appendZeroSegments(zeroEnd(from: segment, upTo: end) - segment)
      }
    }
  }

  /// Where a run of zeros ends: all of it is taken at once, however long it is.
  private func zeroEnd(from segment: Int, upTo end: Int) -> Int {
    var result = min(end, found.first?.end ?? end)
    for other in changed.keys where other > segment { result = min(result, other) }
    for other in open where other > segment { result = min(result, other) }
    return result
  }
}
