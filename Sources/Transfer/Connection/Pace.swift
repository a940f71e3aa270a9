// SPDX-License-Identifier: Apache-2.0

/// The one rate that all connections of a run keep together, or none.
///
/// ## Concurrency
/// Any number of writers pay; the limiter is in a monitor, and nobody sleeps inside.
final class Pace: Sendable {
  private let limiter: Monitor<RateLimiter?>

  init(bytesPerSecond: UInt64? = nil) {
    limiter = Monitor(bytesPerSecond.map(RateLimiter.init(bytesPerSecond:)))
  }

  /// From the next piece on; nil is no limit.
  func limit(bytesPerSecond: UInt64?) {
    limiter.update { $0 = bytesPerSecond.map(RateLimiter.init(bytesPerSecond:)) }
  }

  /// The most that may be written at once; nil is as much as there is.
  var pieceByteCount: Int? { limiter.peek { $0?.pieceByteCount } }

  /// Sleeps until so many bytes that were just written, by whomever, are within the rate.
  func pay(for byteCount: Int) {
    Clock.sleep(seconds: limiter.peek { $0?.owe(for: byteCount) ?? 0 })
  }
}
