// SPDX-License-Identifier: Apache-2.0

import Wire

/// Chooses the level of compression by trying: what counts is how fast pages get away, and whether
/// the wire, the other end or this processor holds them up cannot be told from here.
///
/// When the wire waits for batches there is no time to compress harder. When batches have to wait,
/// either may be right: the link may be slow, or the other end, and that may want the processor.
/// So a neighbouring level is tried for a while, and kept only if it is faster. A trial that failed
/// makes the next one wait longer, and go the other way. It begins at level 1, and goes below that
/// only after enough data that the time saved is worth the bytes: soon when everything is new to
/// the target, late when little may be left to send.
///
/// All who compress for one link share it, and tell it of each batch.
struct CompressionPilot {
  /// Of zstd; nil is raw.
  private(set) var level: Int?
  private let isAutomatic: Bool
  private var step: Int
  private var sentByteCount = 0
  private var window = Window()
  /// Batches that still show the level before.
  private var staleCount = 0
  /// Where a trial came from, and how fast it was there.
  private var origin: (step: Int, rate: Double)?
  private var wasBusy: Bool?
  /// Windows before the next trial, and how many there will be after the next failure.
  private var pauseCount = 0
  private var caution = 1
  /// Which way the next trial goes where both may be right.
  private var triesHarder = true

  /// From raw to the slowest level that a link is ever worth.
  private static let levels: [Int?] = [nil, -3, 1, 3, 6, 9, 12]
  private static let firstStep = 2
  /// Before so much is sent the level does not go below the first.
  private let bytesBeforeFaster: Int
  private static let bytesOfFirstCopy = 16 << 20
  /// A nightly difference is small, and bytes are what its user counts.
  private static let bytesOfDifference = 192 << 20
  /// Batches that were queued before the level changed.
  private static let staleLimit = 4
  private static let longestCaution = 32
  /// What a trial must reach of the rate before it.
  private static let leastOfHarder = 1.01
  private static let leastOfFaster = 1.05

  /// Batches that are judged together.
  private struct Window {
    private var batchCount = 0
    private var busyCount = 0
    private var byteCount = 0
    private var seconds = 0.0

    private static let leastBatchCount = 16
    private static let leastSeconds = 0.15

    mutating func add(isBusy: Bool, byteCount: Int, seconds: Double) {
      batchCount += 1
      if isBusy { busyCount += 1 }
      self.byteCount += byteCount
      self.seconds += seconds
    }

    var isComplete: Bool {
      batchCount >= Self.leastBatchCount && seconds >= Self.leastSeconds
    }
    var isBusy: Bool { busyCount * 2 > batchCount }
    /// Bytes a second, before compression.
    var rate: Double { Double(byteCount) / seconds }
  }

  init(_ compression: Compression, isFirstCopy: Bool = false) {
    step = Self.firstStep
    bytesBeforeFaster = isFirstCopy ? Self.bytesOfFirstCopy : Self.bytesOfDifference
    switch compression {
    case .automatic:
      isAutomatic = true
      level = Self.levels[Self.firstStep]
    case .none:
      isAutomatic = false
      level = nil
    case .level(let fixed):
      isAutomatic = false
      level = fixed
    }
  }

  /// A batch is on its way: `linkWasBusy` says whether it had to wait, and `seconds` how long
  /// it took from its beginning.
  mutating func observe(linkWasBusy: Bool, rawByteCount: Int, seconds: Double) {
    guard isAutomatic else { return }
    sentByteCount += rawByteCount
    if staleCount > 0 {
      staleCount -= 1
      return
    }
    window.add(isBusy: linkWasBusy, byteCount: rawByteCount, seconds: seconds)
    guard window.isComplete else { return }
    let (isBusy, rate) = (window.isBusy, window.rate)
    window = Window()
    let isSteady = isBusy == wasBusy
    wasBusy = isBusy
    if let origin {
      self.origin = nil
      guard hasPaid(since: origin, rate: rate) else { return }
    } else if pauseCount > 0 {
      pauseCount -= 1
      return
    }
    if isSteady { attempt(isBusy && triesHarder ? step + 1 : step - 1, rate: rate) }
  }

  /// Ends a trial; goes back if it did not pay.
  private mutating func hasPaid(since origin: (step: Int, rate: Double), rate: Double) -> Bool {
    let least = step > origin.step ? Self.leastOfHarder : Self.leastOfFaster
    if rate >= least * origin.rate {
      caution = 1
      return true
    }
    triesHarder = step < origin.step
    move(to: origin.step)
    pauseCount = caution
    caution = min(caution * 2, Self.longestCaution)
    return false
  }

  private mutating func attempt(_ next: Int, rate: Double) {
    guard Self.levels.indices.contains(next),
      next >= Self.firstStep || sentByteCount >= bytesBeforeFaster
    else {
      triesHarder.toggle()
      return
    }
    origin = (step, rate)
    move(to: next)
  }

  private mutating func move(to next: Int) {
    step = next
    level = Self.levels[next]
    staleCount = Self.staleLimit
  }
}
