// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Changing the image.
extension TargetImage {
  @unsafe package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64)
    throws(StorageError)
  {
    try StorageError.requireInside(byteCount, offset, count: UInt64(bytes.count), of: name, "write")
    try prepare()
    try unsafe writeAll(bytes, at: offset, directly: true)
    if isOpenEnded {
      _ = presentByteCount.max(offset + UInt64(bytes.count), ordering: .acquiringAndReleasing)
    }
    written.wrappingAdd(bytes.count, ordering: .relaxed)
  }

  /// Makes the range read as zeros, as a hole where that is wanted and possible.
  package func zero(_ range: Range<UInt64>) throws(StorageError) {
    try StorageError.requireInside(
      byteCount, range.lowerBound, count: range.upperBound - range.lowerBound, of: name, "zero")
    if range.isEmpty { return }
    try prepare()
    try settle(range)
    switch kind {
    case .file:
      // What is behind the end reads as zeros, and must not be made to be there.
      let end = isOpenEnded ? min(range.upperBound, currentByteCount) : range.upperBound
      if range.lowerBound < end { try zeroPart(range.lowerBound..<end) }
    case .device:
      let unit = max(Zeroing.deviceAlignment, UInt64(deviceBlock))
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
      if kind == .file && !keepsSparse && !isOpenEnded { try reserveSpace() }
      if !hasPart { state.notes += putMark().map { "\(name): \($0)" } }
      // It would go on to speak of what is not there any more.
      if !state.keepsManifest { Manifest.remove(of: key, on: machine) }
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

  /// A disk that is too full is noticed before anything is changed: this adds space and changes
  /// neither content nor size.
  private func reserveSpace() throws(StorageError) {
    if byteCount == 0 { return }
    do throws(SystemError) {
      try descriptor.calls.allocate(descriptor.number, .allocate, 0..<byteCount)
    } catch {
      if Zeroing.isUnknown(error) { return }
      throw .writing(name, "allocate", error, at: 0, byteCount: Int(byteCount))
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

  @unsafe private func writeAll(
    _ bytes: UnsafeRawBufferPointer, at offset: UInt64, directly: Bool = false
  ) throws(StorageError) {
    var rest = unsafe bytes
    var start = offset
    if directly, let directWriter {
      let count = try leading { () throws(DirectWriter.Failure) in
        try unsafe directWriter.take(bytes, at: offset, cached: descriptor)
      }
      start += UInt64(count)
      unsafe rest = UnsafeRawBufferPointer(rebasing: bytes[count...])
      try settle(start..<start + UInt64(rest.count))
    }
    let progress = unsafe descriptor.writeAll(rest, at: start)
    guard let failure = progress.failure else { return }
    throw .writing(
      name, "write", failure, at: start + UInt64(progress.byteCount),
      byteCount: rest.count - progress.byteCount)
  }

  /// Waits until nothing of this range is on its way to the disk.
  func settle(_ range: Range<UInt64>) throws(StorageError) {
    guard let directWriter else { return }
    try leading { () throws(DirectWriter.Failure) in
      try directWriter.settle(range, cached: descriptor)
    }
  }

  /// What was on its way and did not arrive is lost for good: nobody has its bytes any more.
  private func leading<Result>(
    _ step: () throws(DirectWriter.Failure) -> Result
  ) throws(StorageError) -> Result {
    do throws(DirectWriter.Failure) {
      return try step()
    } catch {
      let failure = StorageError.writing(
        name, "write", error.error, at: error.range.lowerBound, byteCount: error.range.count)
      state.withLock { if $0.lost == nil { $0.lost = failure } }
      throw failure
    }
  }

  /// The kernel lets one thread at a time write to a file.
  package var isWrittenInTurns: Bool { true }

  /// Lets the kernel begin to write what it has collected, so that the flush at the end is not
  /// all of the work. May take as long as the disk needs to take it all; failures come out in
  /// the flush.
  package func startWriteback() {
    try? descriptor.calls.startWriteback(descriptor.number)
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
        if way != .punch || kind == .file { return }
        if isPunchedDeviceZero(range.lowerBound) { return }
      } catch {
        guard Zeroing.isUnknown(error) else {
          throw .writing(
            name, "zero", error, at: range.lowerBound, byteCount: range.count)
        }
      }
      // Only if no other thread has gone further meanwhile.
      _ = zeroing.compareExchange(
        expected: way.rawValue, desired: way.next(for: kind).rawValue, ordering: .relaxed)
    }
    try writeZeros(range)
  }

  /// The block layer promises zeros after a punch, but disks have lied about less. The first
  /// punch is read back, from the medium; then the promise is believed.
  private func isPunchedDeviceZero(_ offset: UInt64) -> Bool {
    if isPunchTrusted.load(ordering: .relaxed) { return true }
    let count = Int(Zeroing.deviceAlignment)
    let isZero = unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: count) { space in
      do throws(StorageError) {
        try unsafe directReader.read(into: space, at: offset, cached: descriptor, of: name)
        return unsafe space.allSatisfy { $0 == 0 }
      } catch {
        return false
      }
    }
    if isZero { isPunchTrusted.store(true, ordering: .relaxed) }
    return isZero
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
