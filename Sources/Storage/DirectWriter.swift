// SPDX-License-Identifier: Apache-2.0

import Blocks
import CLinux
import Glibc
import Synchronization

/// Large writes past the page cache (O_DIRECT), several of them on their way while the caller goes
/// on. A target of many gigabytes then takes no memory from others, costs no copy into the cache
/// and is on the disk when the run ends, so that the flush finds nothing to do.
///
/// What comes is copied, so that the caller may reuse its bytes at once. Whoever reads or changes
/// a range by other ways calls `settle` first. What the kernel does not take, or takes in part, is
/// written through the cache instead, which also finds out what is wrong.
///
/// ## Concurrency
/// Any thread writes and settles. One of them at a time has the mutex, also while it waits for
/// the disk: the others would have to wait for the same.
final class DirectWriter: Sendable {
  /// A write that failed by every way.
  struct Failure: Error {
    var error: SystemError
    var range: Range<UInt64>
  }

  private struct Slot {
    let buffer = PageBuffer(byteCount: DirectWriter.slotByteCount)
    var range: Range<UInt64>?
  }

  private struct State {
    /// Of io_setup(2); nil when it was not asked for yet, or said no.
    var context: UInt64?
    var slots: [Slot] = []
    var isOut = false
  }

  private let descriptor: Descriptor
  private let state = Mutex(State())
  private let flyingCount = Atomic(0)

  private static let alignment = DirectReader.commonAlignment
  /// Below this a write costs the disk more than it spares the processor.
  static let leastByteCount = 128 << 10
  static let slotByteCount = 1 << 20
  static let slotCount = 8

  /// Nil where such writes are not possible, or not known to be worth it.
  init?(_ file: borrowing Descriptor, kind: ImageKind, on machine: Machine) {
    let calls = file.calls
    guard kind == .file, Self.isSuitable(try? calls.fileFacts(file.number)) else { return nil }
    do throws(SystemError) {
      descriptor = try calls.open(
        "\(machine.processRoot)/self/fd/\(file.number)", in: AT_FDCWD,
        flags: O_RDWR | linux_O_DIRECT)
    } catch {
      return nil
    }
  }

  /// ext4 and XFS write so what they would write through the cache, and take from the cache what
  /// was read of the place meanwhile. Others compress or check only what goes through it, or are
  /// at another machine; and a device's cache may keep what reading ahead found there before.
  private static func isSuitable(_ facts: linux_file_facts?) -> Bool {
    guard let facts else { return false }
    return [ext4, xfs].contains(facts.file_system_type)
  }

  private static let ext4: UInt64 = 0xEF53
  private static let xfs: UInt64 = 0x5846_5342

  /// Takes as much from the beginning as is suited to it, and says how much that was.
  @unsafe func take(
    _ bytes: UnsafeRawBufferPointer, at offset: UInt64, cached: borrowing Descriptor
  ) throws(Failure) -> Int {
    guard bytes.count >= Self.leastByteCount, offset % UInt64(Self.alignment) == 0 else { return 0 }
    let whole = bytes.count / Self.alignment * Self.alignment
    return try state.withLock { state throws(Failure) in
      try settle(offset..<offset + UInt64(whole), &state, cached)
      var done = 0
      while done < whole {
        let count = min(whole - done, Self.slotByteCount)
        let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[done..<done + count])
        let isTaken = try unsafe submit(piece, at: offset + UInt64(done), &state, cached)
        if !isTaken { break }
        done += count
      }
      return done
    }
  }

  /// Waits until nothing of this range is on its way.
  func settle(_ range: Range<UInt64>, cached: borrowing Descriptor) throws(Failure) {
    if flyingCount.load(ordering: .acquiring) == 0 { return }
    try state.withLock { state throws(Failure) in try settle(range, &state, cached) }
  }

  private func settle(
    _ range: Range<UInt64>, _ state: inout State, _ cached: borrowing Descriptor
  ) throws(Failure) {
    while state.slots.contains(where: { $0.range?.overlaps(range) == true }) {
      try reap(&state, cached)
    }
  }

  @unsafe private func submit(
    _ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ state: inout State,
    _ cached: borrowing Descriptor
  ) throws(Failure) -> Bool {
    guard let context = context(of: &state) else { return false }
    let slot = try freeSlot(&state, cached)
    let buffer = state.slots[slot].buffer
    unsafe buffer.bytes.copyMemory(from: bytes)
    let content = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[..<bytes.count])
    do throws(SystemError) {
      try unsafe descriptor.calls.submitWrite(
        context, descriptor.number, content, at: offset, tag: slot)
    } catch {
      state.isOut = error.number != EAGAIN
      return false
    }
    state.slots[slot].range = offset..<offset + UInt64(bytes.count)
    flyingCount.add(1, ordering: .releasing)
    return true
  }

  private func context(of state: inout State) -> UInt64? {
    if state.isOut { return nil }
    if let context = state.context { return context }
    state.context = try? descriptor.calls.setUpWrites(limit: Self.slotCount)
    state.isOut = state.context == nil
    return state.context
  }

  private func freeSlot(
    _ state: inout State, _ cached: borrowing Descriptor
  ) throws(Failure) -> Int {
    if let slot = state.slots.firstIndex(where: { $0.range == nil }) { return slot }
    if state.slots.count < Self.slotCount {
      state.slots.append(Slot())
      return state.slots.count - 1
    }
    return try reap(&state, cached)
  }

  /// Waits for one write to end, and gives its slot.
  @discardableResult
  private func reap(
    _ state: inout State, _ cached: borrowing Descriptor
  ) throws(Failure) -> Int {
    let end: (tag: Int, byteCount: Int)
    do throws(SystemError) {
      end = try descriptor.calls.awaitWrite(state.context!)
    } catch {
      let ranges = state.slots.compactMap(\.range)
      throw Failure(error: error, range: ranges[0])
    }
    let range = state.slots[end.tag].range!
    state.slots[end.tag].range = nil
    flyingCount.subtract(1, ordering: .releasing)
    if end.byteCount < range.count {
      let bytes = unsafe state.slots[end.tag].buffer.bytes[end.byteCount..<range.count]
      let start = range.lowerBound + UInt64(end.byteCount)
      let progress = unsafe cached.writeAll(UnsafeRawBufferPointer(rebasing: bytes), at: start)
      if let error = progress.failure {
        throw Failure(error: error, range: start + UInt64(progress.byteCount)..<range.upperBound)
      }
    }
    return end.tag
  }

  /// Waits for what is on its way, and lets go of the image. The kernel reads from the buffers
  /// until then.
  func close() {
    state.withLock { state in
      if let context = state.context { descriptor.calls.endWrites(context) }
      state = State(isOut: true)
    }
    flyingCount.store(0, ordering: .releasing)
    try? descriptor.close()
  }

  deinit { close() }
}
