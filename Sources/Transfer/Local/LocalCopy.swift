// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Makes one image on this machine equal to another: reads both, compares the bytes, writes what
/// differs. No digest is computed, because both images are at hand.
struct LocalCopy {
  let source: any CopySource
  let target: any CopyTarget
  let settings: Settings
  let counters: Counters

  private var threadCount: Int {
    WorkerThread.count(for: settings.threadCount)
  }

  /// One pass over both images.
  func pass(number: Int) throws(TransferError) {
    let shape = ImageShape(byteCount: target.byteCount)
    let startsZero = target.startsZero && number == 1
    let isBlind = startsZero || (settings.isWhole && number == 1)
    counters.set(.scanned, to: 0)
    counters.set(.equal, to: 0)
    counters.set(.zero, to: 0)
    if !settings.isDryRun { try stored { () throws(StorageError) in try target.markUnfinished() } }
    let writer = PairWriter(
      target: target, shape: shape, isDryRun: settings.isDryRun,
      knowsTarget: startsZero || !isBlind, counters: counters,
      limiter: settings.bandwidthLimit.map { Monitor(RateLimiter(bytesPerSecond: $0)) })
    let writeback = settings.isDryRun ? nil : EarlyWriteback(target)
    defer { writeback?.stop() }
    let walk = PairWalk(
      source: source, target: isBlind ? nil : target, shape: shape, threadCount: threadCount)
    try walk.run(
      zero: { (segments) throws(StorageError) in try writer.skip(segments) },
      body: { (pair) throws(StorageError) in try writer.write(pair) })
  }

  func synchronize() throws(TransferError) {
    counters.enter(.finishing)
    try stored { () throws(StorageError) in try target.synchronize() }
  }

  /// Reads the target back past the page cache and compares it with the source.
  func confirm() throws(TransferError) -> Digest {
    counters.enter(.verifying)
    let expected = try ImageDigest.compute(
      of: source, byteCount: target.byteCount, threadCount: threadCount, end: .source,
      counters: counters)
    try ReadBack(target, threadCount: threadCount, counters: counters).confirm(expected)
    return expected
  }

  func complete() throws(TransferError) {
    counters.enter(.finishing)
    try stored { () throws(StorageError) in try target.complete() }
  }

  private func stored(_ body: () throws(StorageError) -> Void) throws(TransferError) {
    do throws(StorageError) {
      try body()
    } catch {
      throw TransferError(.target, error)
    }
  }
}
