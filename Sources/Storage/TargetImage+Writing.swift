// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Changing the image.
extension TargetImage {
  @unsafe package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64)
    throws(StorageError)
  {
    try StorageError.requireInside(byteCount, offset, count: bytes.count, of: name, "write")
    try prepare()
    try unsafe writeAll(bytes, at: offset)
  }

  /// Makes the range read as zeros, as a hole where that is wanted and possible.
  package func zero(_ range: Range<UInt64>) throws(StorageError) {
    try StorageError.requireInside(
      byteCount, range.lowerBound, count: range.count, of: name, "zero")
    if range.isEmpty { return }
    try prepare()
    switch kind {
    case .file: try zeroPart(range)
    case .device:
      let unit = Zeroing.deviceAlignment
      let start = (range.lowerBound + unit - 1) / unit * unit
      let end = range.upperBound / unit * unit
      if start >= end {
        try writeZeros(range)
        return
      }
      try writeZeros(range.lowerBound..<start)
      var next = start
      while next < end {
        let stop = min(next + Zeroing.deviceChunkByteCount, end)
        try zeroPart(next..<stop)
        next = stop
      }
      try writeZeros(end..<range.upperBound)
    }
  }

  /// Says, on stable storage, that this image is not what it was and not yet what it will be.
  /// A new file needs no mark: its temporary name says it.
  package func markUnfinished() throws(StorageError) { try prepare() }

  func prepare() throws(StorageError) {
    if isPrepared.load(ordering: .acquiring) { return }
    precondition(!isDryRun, "a dry run writes nothing")
    try state.withLock { state throws(StorageError) in
      precondition(!state.isOver, "a target is not written after its end")
      if isPrepared.load(ordering: .relaxed) { return }
      if !isNew { state.notes += putMark() }
      try growIfNeeded()
      state.hasWritten = true
      isPrepared.store(true, ordering: .releasing)
    }
  }

  /// The notes that this brings: a mark that cannot be kept is no reason not to copy.
  private func putMark() -> [String] {
    let consequence = "an interrupted copy onto it will not be noticed"
    guard let mark else { return ["no place for a mark: \(consequence)"] }
    do throws(SystemError) {
      try mark.put(name)
      return []
    } catch {
      return ["\(mark.directory): cannot keep a mark: \(error.text); \(consequence)"]
    }
  }

  private func growIfNeeded() throws(StorageError) {
    guard kind == .file, finalByteCount != nil,
      presentByteCount.load(ordering: .relaxed) < byteCount
    else { return }
    do throws(SystemError) {
      try descriptor.calls.truncate(descriptor.number, to: byteCount)
    } catch {
      throw .writing(name, "grow to \(ByteText.amount(byteCount))", error)
    }
    presentByteCount.store(byteCount, ordering: .releasing)
  }

  @unsafe private func writeAll(_ bytes: UnsafeRawBufferPointer, at offset: UInt64)
    throws(StorageError)
  {
    let progress = unsafe descriptor.writeAll(bytes, at: offset)
    guard let failure = progress.failure else { return }
    throw .writing(
      name, "write", failure, at: offset + UInt64(progress.byteCount),
      byteCount: bytes.count - progress.byteCount)
  }

  /// By the best way that is known here.
  private func zeroPart(_ range: Range<UInt64>) throws(StorageError) {
    while let way = Zeroing(rawValue: zeroing.load(ordering: .relaxed)), way != .written {
      do throws(SystemError) {
        switch way {
        case .punch: try descriptor.calls.allocate(descriptor.number, .punchHole, range)
        case .zeroRange: try descriptor.calls.allocate(descriptor.number, .zeroRange, range)
        case .zeroOut: try descriptor.calls.deviceZeroOut(descriptor.number, range)
        case .written: break
        }
        return
      } catch {
        guard Zeroing.isUnknown(error) else {
          throw .writing(
            name, "zero", error, at: range.lowerBound, byteCount: range.count)
        }
        zeroing.store(way.next.rawValue, ordering: .relaxed)
      }
    }
    try writeZeros(range)
  }

  func writeZeros(_ range: Range<UInt64>) throws(StorageError) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = Int(min(UInt64(Zeroing.writtenChunkByteCount), range.upperBound - offset))
      let zeros = unsafe UnsafeRawBufferPointer(rebasing: ZeroBytes.shared.bytes[..<count])
      try unsafe writeAll(zeros, at: offset)
      offset += UInt64(count)
    }
  }
}

/// A chunk of zeros for everybody. It is never written, so the kernel gives it one page of
/// real memory at most.
///
/// ## Concurrency
/// Constant; this is the guard of `@unchecked`.
@safe final class ZeroBytes: @unchecked Sendable {
  static let shared = ZeroBytes()

  let bytes: UnsafeRawBufferPointer

  private init() {
    let count = Zeroing.writtenChunkByteCount
    guard let memory = unsafe calloc(1, count) else { fatalError("out of memory") }
    unsafe bytes = UnsafeRawBufferPointer(start: memory, count: count)
  }
}
