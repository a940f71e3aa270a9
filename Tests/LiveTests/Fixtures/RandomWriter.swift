// SPDX-License-Identifier: Apache-2.0

import CLinux
import Foundation
import Glibc
import Synchronization
import Transfer

/// Threads that write to a file in every way they know, until they are told to stop.
///
/// What is written differs from what was there with all likelihood, so that a write that was missed
/// is seen.
final class RandomWriter {
  /// What the threads share.
  private final class Common: Sendable {
    let isOver = Atomic(false)
    let operationCount = Atomic(0)
    let file: Int32

    init(_ file: Int32) { self.file = file }
    deinit { close(file) }
  }

  private let common: Common
  private var threads: [WorkerThread] = []

  /// How often something was written.
  var count: Int { common.operationCount.load(ordering: .relaxed) }

  /// - Parameter pauseMicroseconds: between two writes of one thread.
  init(
    _ path: String, byteCount: Int, threadCount: Int = 2, pauseMicroseconds: UInt32 = 500,
    random: inout Random
  ) {
    let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    precondition(file >= 0 && ftruncate(file, off_t(byteCount)) == 0)
    let common = Common(file)
    self.common = common
    for _ in 0..<threadCount {
      let seed = random.next()
      threads.append(
        WorkerThread {
          var random = Random(seed: seed)
          while !common.isOver.load(ordering: .relaxed) {
            Self.write(file, byteCount, &random)
            common.operationCount.add(1, ordering: .relaxed)
            usleep(pauseMicroseconds)
          }
        })
    }
  }

  /// Returns when nobody writes any more.
  func stop() {
    common.isOver.store(true, ordering: .relaxed)
    for thread in threads { thread.join() }
    threads = []
  }

  deinit { stop() }

  private static func write(_ file: Int32, _ byteCount: Int, _ random: inout Random) {
    let isAligned = Bool.random(using: &random)
    var count = Int.random(
      in: 1...(Int.random(in: 0..<8, using: &random) == 0 ? 300_000 : 9000), using: &random)
    var offset = Int.random(in: 0..<byteCount, using: &random)
    if isAligned {
      offset = offset / 4096 * 4096
      count = (count + 4095) / 4096 * 4096
    }
    count = min(count, byteCount - offset)
    switch Int.random(in: 0..<10, using: &random) {
    case 0: _ = linux_fallocate(file, linux_PUNCH_HOLE, Int64(offset), Int64(count))
    case 1: _ = linux_fallocate(file, linux_ZERO_RANGE, Int64(offset), Int64(count))
    case 2: _ = linux_fallocate(file, linux_KEEP_SIZE, Int64(offset), Int64(count))
    case 3, 4: writeMapped(file, offset, count, &random)
    default:
      let bytes = (0..<count / 8 + 1).map { _ in random.next() }
      _ = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, count, off_t(offset)) }
    }
    switch Int.random(in: 0..<20, using: &random) {
    case 0: fdatasync(file)
    case 1: _ = linux_start_writeback(file)
    default: break
    }
  }

  private static func writeMapped(
    _ file: Int32, _ offset: Int, _ count: Int, _ random: inout Random
  ) {
    let start = offset / 4096 * 4096
    let length = offset - start + count
    guard let space = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, off_t(start)),
      space != MAP_FAILED
    else { return }
    for position in stride(from: offset - start, to: length, by: 512) {
      space.storeBytes(
        of: UInt8.random(in: 0...255, using: &random), toByteOffset: position, as: UInt8.self)
    }
    munmap(space, length)
  }
}
