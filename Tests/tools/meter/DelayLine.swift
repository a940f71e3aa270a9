// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Passes chunks of bytes on after a fixed time, in order and without holding back what follows:
/// a long line, not a narrow one.
///
/// ## Concurrency
/// One thread gives, one takes; `lock` guards the chunks and `isClosed`.
final class DelayLine: @unchecked Sendable {
  private struct Chunk {
    var dueNanoseconds: UInt64
    var bytes: [UInt8]
  }

  private let delayNanoseconds: UInt64
  private var chunks: [Chunk] = []
  private var isClosed = false
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let isWorthALook = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init(delayMilliseconds: UInt64) {
    delayNanoseconds = delayMilliseconds * 1_000_000
    pthread_mutex_init(lock, nil)
    pthread_cond_init(isWorthALook, nil)
  }

  func give(_ bytes: UnsafeRawBufferPointer) {
    pthread_mutex_lock(lock)
    chunks.append(Chunk(dueNanoseconds: Self.now + delayNanoseconds, bytes: Array(bytes)))
    pthread_cond_signal(isWorthALook)
    pthread_mutex_unlock(lock)
  }

  /// What was given still arrives.
  func close() {
    pthread_mutex_lock(lock)
    isClosed = true
    pthread_cond_signal(isWorthALook)
    pthread_mutex_unlock(lock)
  }

  /// The next chunk when its time has come; nil at the end.
  func take() -> [UInt8]? {
    pthread_mutex_lock(lock)
    while chunks.isEmpty && !isClosed { pthread_cond_wait(isWorthALook, lock) }
    let chunk = chunks.isEmpty ? nil : chunks.removeFirst()
    pthread_mutex_unlock(lock)
    guard let chunk else { return nil }
    let now = Self.now
    if chunk.dueNanoseconds > now { usleep(UInt32((chunk.dueNanoseconds - now) / 1000)) }
    return chunk.bytes
  }

  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
