// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Writes queued frames to the wire: small ones together, at the rate that was asked for.
///
/// ## Concurrency
/// Runs on one thread; a failed write ends it and empties the queue, and the reader of the same
/// connection then finds the other end gone.
final class FrameWriter: Sendable {
  private let output: Int32
  private let queue: BoundedQueue<[UInt8]>
  private let counters: Counters
  /// Bytes a second; nil is as many as go.
  private let rate: Monitor<UInt64?>

  /// Small frames are gathered up to this size, to spare the kernel and ssh the calls.
  private static let gatherByteCount = 64 << 10

  init(
    output: Int32, queue: BoundedQueue<[UInt8]>, counters: Counters, rate: Monitor<UInt64?>
  ) {
    self.output = output
    self.queue = queue
    self.counters = counters
    self.rate = rate
  }

  func run() {
    var limiter: RateLimiter?
    while var bytes = queue.take() {
      while bytes.count < Self.gatherByteCount, let next = queue.takeNow() { bytes += next }
      if limiter == nil { limiter = rate.peek { $0 }.map(RateLimiter.init(bytesPerSecond:)) }
      guard write(bytes, limiter: &limiter) else {
        queue.abandon()
        break
      }
    }
    close(output)
  }

  private func write(_ bytes: [UInt8], limiter: inout RateLimiter?) -> Bool {
    var written = 0
    while written < bytes.count {
      let piece = min(bytes.count - written, limiter?.pieceByteCount ?? bytes.count)
      let count = unsafe bytes.withUnsafeBytes { bytes in
        unsafe Glibc.write(output, bytes.baseAddress! + written, piece)
      }
      if count < 0 {
        if errno == EINTR { continue }
        return false
      }
      written += count
      counters.add(UInt64(count), to: .wireSent)
      limiter?.pay(for: count)
    }
    return true
  }
}
