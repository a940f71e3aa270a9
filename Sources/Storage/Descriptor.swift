// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// One open file descriptor, which cannot be copied, and is closed exactly once.
///
/// Those who wrote something close it explicitly and look at the error; `deinit` closes what is
/// left, where an error has nobody to tell.
///
/// ## Concurrency
/// Positioned reads and writes may come from any number of threads. `close` must come after all
/// of them; a call that is late gets EBADF, since the number is taken away first.
package struct Descriptor: ~Copyable, Sendable {
  package let calls: SystemCalls
  private let raw: Atomic<Int32>

  init(_ number: Int32, calls: SystemCalls) {
    raw = Atomic(number)
    self.calls = calls
  }

  deinit {
    let number = raw.exchange(-1, ordering: .relaxed)
    if number >= 0 { try? calls.close(number) }
  }

  /// The number for system calls; -1 after `close`.
  package var number: Int32 { raw.load(ordering: .relaxed) }

  package func close() throws(SystemError) {
    let number = raw.exchange(-1, ordering: .relaxed)
    if number >= 0 { try calls.close(number) }
  }

  /// What a loop of transfers achieved.
  struct Progress {
    /// The bytes that were transferred, from the beginning.
    var byteCount: Int
    /// Nil: all of them, or the end of the file.
    var failure: SystemError?
  }

  /// Reads until the buffer is full, the file ends, or the kernel says no. The one loop for
  /// short reads.
  @unsafe func readAll(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Progress {
    var done = 0
    while done < bytes.count {
      do throws(SystemError) {
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
        let count = try unsafe calls.read(number, rest, at: offset + UInt64(done))
        if count == 0 { break }
        done += count
      } catch {
        return Progress(byteCount: done, failure: error)
      }
    }
    return Progress(byteCount: done, failure: nil)
  }

  /// Writes until all is written or the kernel says no. The one loop for short writes.
  @unsafe func writeAll(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> Progress {
    var done = 0
    while done < bytes.count {
      do throws(SystemError) {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
        let count = try unsafe calls.write(number, rest, at: offset + UInt64(done))
        // A device that takes nothing and says nothing would hold us for ever.
        if count == 0 { throw SystemError(number: EIO) }
        done += count
      } catch {
        return Progress(byteCount: done, failure: error)
      }
    }
    return Progress(byteCount: done, failure: nil)
  }
}
