// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Transfer

/// What is known, from round to round, of what is written to one image: what is still to be
/// sent, and what of it is written again and again.
struct DiskCourse {
  let disk: LiveDisk
  /// Written and not sent yet.
  private(set) var outstanding: DirtySet
  /// Of the last two rounds, each without what was left for later.
  private var history: [DirtySet]
  private(set) var isRevealed = false

  init(_ disk: LiveDisk) {
    self.disk = disk
    let nothing = DirtySet(shape: ImageShape(byteCount: disk.image.byteCount))
    outstanding = nothing
    history = [nothing, nothing]
  }

  /// Asks the tracker; gives why everything must be looked at, if so.
  mutating func gather() throws(TransferError) -> String? {
    var taken = DirtySet(shape: outstanding.shape)
    let loss = try disk.tracker.take(into: &taken)
    if loss != nil { taken.insertAll() }
    // Where all is dirty because nobody knows, nothing is known to be written again.
    history = [history[1], isEverything(taken) ? DirtySet(shape: taken.shape) : taken]
    outstanding.formUnion(taken)
    return loss?.reason
  }

  private func isEverything(_ dirty: DirtySet) -> Bool {
    let groupByteCount = UInt64(Geometry.groupByteCount)
    return UInt64(dirty.groupCount) * groupByteCount >= dirty.shape.byteCount
  }

  /// What was written in each of the last rounds, and is likely to be written again.
  var hot: DirtySet {
    outstanding.intersection(history[0]).intersection(history[1])
  }

  /// Takes what the next round goes over. What is hot may be left for later.
  mutating func takeRound(withoutHot: Bool) -> DirtySet {
    let kept = withoutHot ? hot : DirtySet(shape: outstanding.shape)
    let round = withoutHot ? outstanding.subtracting(kept) : outstanding
    outstanding = kept
    return round
  }

  /// Everything that is left, and what was hidden until now.
  mutating func takeLastRound() -> DirtySet {
    var round = takeRound(withoutHot: false)
    if !isRevealed {
      disk.image.reveal()
      for part in disk.late { round.insert(part) }
      isRevealed = true
    }
    return round
  }

  /// What is certain to be sent at the end, whatever is written.
  var lateByteCount: UInt64 {
    isRevealed ? 0 : disk.late.reduce(0) { $0 + UInt64($1.count) }
  }
}

extension DirtySet {
  /// At most what the groups hold, however often the same was written.
  var likelyByteCount: UInt64 {
    min(reportedByteCount, UInt64(groupCount) * UInt64(Geometry.groupByteCount))
  }

  var readByteCount: UInt64 { UInt64(groupCount) * UInt64(Geometry.groupByteCount) }
}
