// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The counts, in a file that is mapped shared, so that whoever reads it sees them while the
/// command runs and after the meter was killed. What is in the file already counts on: a run that
/// calls its remote shell more than once has one account.
///
/// ## Concurrency
/// All counts are atomics, also between meters that share a file.
final class Record: @unchecked Sendable {
  enum Field: Int {
    case sent, received, peakKibibytes, status, cpuMicroseconds

    static let count = 5
  }

  /// All bytes that have passed this meter, whichever way.
  let passed = Atomic<UInt64>(0)
  private let counts: UnsafeMutablePointer<Atomic<UInt64>>

  init(path: String?) {
    let byteCount = Field.count * MemoryLayout<UInt64>.size
    guard let path else {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 8)
      memset(memory, 0, byteCount)
      counts = memory.bindMemory(to: Atomic<UInt64>.self, capacity: Field.count)
      return
    }
    let file = open(path, O_RDWR | O_CREAT, 0o600)
    guard file >= 0, ftruncate(file, byteCount) == 0,
      let map = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      map != MAP_FAILED
    else { Options.stop("cannot keep a record in \(path)") }
    close(file)
    counts = map.bindMemory(to: Atomic<UInt64>.self, capacity: Field.count)
  }

  func add(_ amount: Int, to field: Field) {
    _ = counts[field.rawValue].wrappingAdd(UInt64(amount), ordering: .relaxed)
  }

  func set(_ field: Field, to value: UInt64) {
    counts[field.rawValue].store(value, ordering: .relaxed)
  }

  func raise(_ field: Field, to value: UInt64) {
    _ = counts[field.rawValue].max(value, ordering: .relaxed)
  }
}
