// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Wire

/// A further connection of a run: two descriptors over which batches of page data go one way.
///
/// It can be given up at any moment: whoever reads, writes or waits then comes back. Both
/// descriptors, and the companion where there is one, are closed with the last reference.
///
/// ## Concurrency
/// One thread reads and one writes; any thread may cancel. `canceller` is guarded by its monitor.
final class Strand: Sendable {
  private let input: Int32
  private let output: Int32
  /// Keeps the process that joined for us alive as long as it is open.
  private let companion: Int32?
  /// Readable from the moment on in which its other end, the canceller, is closed.
  private let cancelled: Int32
  private let canceller: Monitor<Int32?>

  private enum Readiness {
    case ready, cancelled, late
  }

  /// Takes the descriptors over, also when it fails.
  init?(input: Int32, output: Int32, companion: Int32? = nil) {
    self.input = input
    self.output = output
    self.companion = companion
    var ends: [Int32] = [-1, -1]
    let isMade = unsafe linux_pipe(&ends) == 0
    cancelled = ends[0]
    canceller = Monitor(isMade ? ends[1] : nil)
    for end in [input, output] { _ = linux_widen_pipe(end, Connection.pipeByteCount) }
    let canWait = [input, output].allSatisfy { descriptor in
      let flags = fcntl(descriptor, F_GETFL)
      return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0
    }
    // What fails here closes what it was given by going away.
    guard isMade, canWait else { return nil }
  }

  deinit {
    cancel()
    for descriptor in [input, output, companion ?? -1, cancelled] where descriptor >= 0 {
      close(descriptor)
    }
  }

  /// Whoever uses it comes back, now and from now on.
  func cancel() {
    canceller.peek { descriptor in
      if let open = descriptor { close(open) }
      descriptor = nil
    }
  }

  /// Reads what has come; false at the end, or when nothing comes before the time is over.
  func read(into parser: inout FrameParser, counters: Counters, seconds: Double? = nil) -> Bool {
    guard wait(input, POLLIN, seconds: seconds) == .ready else { return false }
    let count = unsafe parser.receive { room in
      while true {
        let count = unsafe Glibc.read(input, room.baseAddress, room.count)
        if count >= 0 { return count }
        let isAgain = errno == EINTR || errno == EAGAIN
        if !isAgain || wait(input, POLLIN, seconds: seconds) != .ready { return 0 }
      }
    }
    counters.add(UInt64(count), to: .wireReceived)
    return count > 0
  }

  /// Writes all of it; false when that is not possible any more.
  func write(_ bytes: [UInt8], pace: Pace, counters: Counters) -> Bool {
    var written = 0
    while written < bytes.count {
      guard wait(output, POLLOUT) == .ready else { return false }
      let piece = min(bytes.count - written, pace.pieceByteCount ?? bytes.count)
      let count = unsafe bytes.withUnsafeBytes { bytes in
        unsafe Glibc.write(output, bytes.baseAddress! + written, piece)
      }
      if count < 0 {
        if errno == EINTR || errno == EAGAIN { continue }
        return false
      }
      written += count
      counters.add(UInt64(count), to: .wireSent)
      pace.pay(for: count)
    }
    return true
  }

  /// Returns when anything comes, or the other end is gone, or it was cancelled.
  func waitForInput() {
    _ = wait(input, POLLIN)
  }

  private func wait(_ descriptor: Int32, _ event: Int32, seconds: Double? = nil) -> Readiness {
    var waited = [
      pollfd(fd: descriptor, events: Int16(event), revents: 0),
      pollfd(fd: cancelled, events: Int16(POLLIN), revents: 0),
    ]
    let milliseconds = seconds.map { Int32(clamping: Int($0 * 1000)) } ?? -1
    while true {
      let count = unsafe poll(&waited, 2, milliseconds)
      if waited[1].revents != 0 { return .cancelled }
      if count > 0 { return .ready }
      if count == 0 { return .late }
      if errno != EINTR { return .cancelled }
    }
  }
}
