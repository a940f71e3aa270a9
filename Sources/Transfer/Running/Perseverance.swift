// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Takes a run up again when its connection was lost: `--retry`. What has arrived is neither sent
/// nor, with a manifest, read again, so a new connection goes on where the old one ended.
struct Perseverance {
  /// How often in a row it is tried again without anything having come of it.
  let retryCount: Int
  let counters: Counters
  let announce: Announce
  /// How waiting is done; tests do not wait.
  var sleep: (Double) -> Void = { usleep(UInt32($0 * 1_000_000)) }

  /// So much must have crossed the wire for a connection to have been good for something.
  private static let progressByteCount: UInt64 = 1 << 20
  private static let firstDelaySeconds = 1.0
  private static let longestDelaySeconds = 60.0

  func run<Result>(
    _ body: () throws(TransferError) -> Result
  ) throws(TransferError) -> Result {
    var failureCount = 0
    var hasLost = false
    while true {
      let before = wireByteCount
      do throws(TransferError) {
        return try body()
      } catch {
        // The server of a line that is dead may hold the target for a while.
        let isHeld = hasLost && error.status == .refused
        guard error.isConnectionLoss || isHeld else { throw error }
        hasLost = true
        failureCount = wireByteCount - before >= Self.progressByteCount ? 1 : failureCount + 1
        if failureCount > retryCount { throw error }
        let delay = min(
          Self.firstDelaySeconds * Double(1 << min(failureCount - 1, 6)),
          Self.longestDelaySeconds)
        announce(
          .note(
            "\(error.sentence); trying again in \(Int(delay)) s (\(failureCount)/\(retryCount))"))
        sleep(delay)
        counters.set(.wanted, to: 0)
        counters.enter(.connecting)
      }
    }
  }

  private var wireByteCount: UInt64 {
    let figures = counters.snapshot
    return figures.wireSent + figures.wireReceived
  }
}
