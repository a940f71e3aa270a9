// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Writes queued frames to the wire: small ones together, at the rate that was asked for.
///
/// ## Concurrency
/// Runs on one thread; a failed write ends it and empties the outbox, and the reader of the same
/// connection then finds the other end gone.
final class FrameWriter: Sendable {
  private let output: Int32
  private let outbox: Outbox
  private let counters: Counters
  private let pace: Pace

  /// Small frames are gathered up to this size, to spare the kernel and ssh the calls.
  private static let gatherByteCount = 64 << 10

  init(output: Int32, outbox: Outbox, counters: Counters, pace: Pace) {
    self.output = output
    self.outbox = outbox
    self.counters = counters
    self.pace = pace
  }

  func run() {
    while var bytes = outbox.take() {
      while bytes.count < Self.gatherByteCount, let next = outbox.takeNow() { bytes += next }
      guard write(bytes) else {
        outbox.abandon()
        break
      }
    }
    close(output)
  }

  private func write(_ bytes: [UInt8]) -> Bool {
    var written = 0
    while written < bytes.count {
      let piece = min(bytes.count - written, pace.pieceByteCount ?? bytes.count)
      let count = unsafe bytes.withUnsafeBytes { bytes in
        unsafe Glibc.write(output, bytes.baseAddress! + written, piece)
      }
      if count < 0 {
        if errno == EINTR { continue }
        return false
      }
      written += count
      counters.add(UInt64(count), to: .wireSent)
      pace.pay(for: count)
    }
    return true
  }
}
