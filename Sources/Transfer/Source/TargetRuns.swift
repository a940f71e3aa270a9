// SPDX-License-Identifier: Apache-2.0

import Wire

/// The target's segment digests as they arrived and were not compared yet, in ascending order.
struct TargetRuns {
  /// What the target has next.
  enum Piece: Equatable {
    /// So many segments that are zero at the target.
    case zero(count: Int)
    /// One digest: the one at `index`.
    case digest(NodeDigests, index: Int)
  }

  private var runs: [SegmentRuns.Run] = []
  private var head = 0
  /// Segments taken from the run at `head`.
  private var taken = 0
  /// The segment after the last one that arrived.
  private(set) var end = 0
  /// Digests that wait; runs of zeros weigh nothing.
  private(set) var waitingDigestCount = 0

  var waitingRunCount: Int { runs.count - head }

  /// Adds what arrived; false when it does not follow what came before.
  mutating func append(_ arrived: SegmentRuns) -> Bool {
    guard arrived.first == end else { return false }
    for run in arrived.runs {
      switch (run, runs.last) {
      case (.digests(let digests), _):
        waitingDigestCount += digests.count
        runs.append(run)
      case (.zero(let count), .zero(let before)) where waitingRunCount > 0:
        // So there are no more runs than digests, however the zeros were cut up.
        runs[runs.count - 1] = .zero(count: before + count)
      case (.zero, _):
        runs.append(run)
      }
    }
    end += arrived.segmentCount
    return true
  }

  /// Takes what the target has at the next segment, at most `count` segments of it; nil when
  /// that has not arrived yet.
  mutating func take(upTo count: Int) -> Piece? {
    guard head < runs.count else { return nil }
    let piece: Piece
    let runCount: Int
    switch runs[head] {
    case .zero(let zeroCount):
      runCount = zeroCount
      let share = min(count, runCount - taken)
      taken += share
      piece = .zero(count: share)
    case .digests(let digests):
      runCount = digests.count
      piece = .digest(digests, index: taken)
      taken += 1
      waitingDigestCount -= 1
    }
    if taken == runCount { dropFirstRun() }
    return piece
  }

  private mutating func dropFirstRun() {
    runs[head] = .zero(count: 1)
    head += 1
    taken = 0
    if head == runs.count {
      runs.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 256 && head * 2 >= runs.count {
      runs.removeFirst(head)
      head = 0
    }
  }
}
