// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The four counts, in a file that is mapped shared, so that whoever reads it sees them while
/// the command runs and after the meter was killed.
///
/// ## Concurrency
/// Both relay threads add to `passed`; each count in the map has one writing thread.
final class Record: @unchecked Sendable {
  enum Field: Int {
    case sent, received, peakKibibytes, status
  }

  /// All bytes that have passed, whichever way.
  let passed = Atomic<UInt64>(0)
  private let counts: UnsafeMutablePointer<UInt64>

  init(path: String?) {
    let byteCount = 4 * MemoryLayout<UInt64>.size
    guard let path else {
      counts = .allocate(capacity: 4)
      counts.initialize(repeating: 0, count: 4)
      return
    }
    let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0, ftruncate(file, byteCount) == 0,
      let map = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      map != MAP_FAILED
    else { Options.stop("cannot keep a record in \(path)") }
    close(file)
    counts = map.bindMemory(to: UInt64.self, capacity: 4)
  }

  func add(_ amount: Int, to field: Field) {
    counts[field.rawValue] &+= UInt64(amount)
  }

  func set(_ field: Field, to value: UInt64) {
    counts[field.rawValue] = value
  }
}
