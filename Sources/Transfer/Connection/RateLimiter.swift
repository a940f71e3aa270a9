// SPDX-License-Identifier: Apache-2.0

/// Spreads bytes evenly over time for `--bwlimit`: small pieces with short sleeps instead of
/// bursts with long ones.
///
/// Used by one thread at a time.
struct RateLimiter {
  /// The most that is written at once: a fiftieth of a second's worth.
  let pieceByteCount: Int
  private let bytesPerSecond: Double
  private var paidUntil = Clock.now

  /// What may be caught up on after a pause of our own: more would be a burst.
  private static let creditSeconds = 0.02
  private static let piecesPerSecond = 50
  private static let pieceLimits = 512...(256 << 10)

  init(bytesPerSecond: UInt64) {
    self.bytesPerSecond = Double(max(bytesPerSecond, 1))
    let piece = Int(clamping: bytesPerSecond) / Self.piecesPerSecond
    pieceByteCount = min(max(piece, Self.pieceLimits.lowerBound), Self.pieceLimits.upperBound)
  }

  /// Sleeps for as long as `byteCount` bytes that were just written may take.
  mutating func pay(for byteCount: Int) {
    Clock.sleep(seconds: owe(for: byteCount))
  }

  /// For how many seconds whoever wrote these bytes has to sleep.
  mutating func owe(for byteCount: Int) -> Double {
    let now = Clock.now
    paidUntil = max(paidUntil, now - Self.creditSeconds) + Double(byteCount) / bytesPerSecond
    return paidUntil - now
  }
}
