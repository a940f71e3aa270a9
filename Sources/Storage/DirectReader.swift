// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A second way into an open image, past the page cache (O_DIRECT), for reading back what is
/// really on the medium.
///
/// What cannot be read so (a file system that does not know it, other alignments than ours) is
/// dropped from the cache first and then read through it.
///
/// ## Concurrency
/// Constant after `init`; reads are positioned.
final class DirectReader: Sendable {
  /// What the kernel wants addresses, offsets and lengths to be multiples of, at most, on nearly
  /// all devices.
  static let commonAlignment = 4096
  /// The cache keeps large files in large pieces, and only drops whole ones.
  private static let cacheUnit: UInt64 = 4 << 20
  private static let bounceByteCount = 1 << 20

  private let descriptor: Descriptor
  private let alignment: Int

  /// `alignment` is the device's, where it is larger than the common one.
  init(_ file: borrowing Descriptor, alignment: Int, on machine: Machine) {
    let calls = file.calls
    self.alignment = max(Self.commonAlignment, alignment)
    // Through the number that is open already, so that it is the same image, whatever its path
    // leads to by now.
    do throws(SystemError) {
      descriptor = try calls.open(
        "\(machine.processRoot)/self/fd/\(file.number)", in: AT_FDCWD,
        flags: O_RDONLY | linux_O_DIRECT)
    } catch {
      descriptor = Descriptor(-1, calls: calls)
    }
  }

  /// `cached` is the same image through the page cache.
  @unsafe func read(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64,
    cached: borrowing Descriptor, of name: String
  ) throws(StorageError) {
    var done = 0
    while done < bytes.count && descriptor.number >= 0 {
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
      let count = unsafe readSome(into: rest, at: offset + UInt64(done))
      if count == 0 { break }
      done += count
    }
    if done == bytes.count { return }
    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
    let start = offset + UInt64(done)
    let unit = Self.cacheUnit
    let end = (offset + UInt64(bytes.count) + unit - 1) / unit * unit
    try? cached.calls.advise(cached.number, start / unit * unit..<end, POSIX_FADV_DONTNEED)
    try unsafe cached.readExactly(into: rest, at: start, of: name)
  }

  /// How much it could read, from the beginning; 0 when it could not.
  @unsafe private func readSome(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64)
    -> Int
  {
    let unit = UInt64(alignment)
    let address = UInt64(UInt(bitPattern: bytes.baseAddress))
    let isAligned = offset % unit == 0 && address % unit == 0
    if isAligned && bytes.count >= alignment {
      let whole = bytes.count / alignment * alignment
      let space = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<whole])
      let count = unsafe (try? descriptor.calls.read(descriptor.number, space, at: offset)) ?? 0
      // A read that ends within a unit has met the end, and cannot be gone on with.
      return count / alignment * alignment
    }
    return unsafe readThroughBounce(into: bytes, at: offset)
  }

  @unsafe private func readThroughBounce(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) -> Int {
    let unit = UInt64(alignment)
    let start = offset / unit * unit
    let skipped = Int(offset - start)
    let wanted = min(bytes.count, Self.bounceByteCount - skipped)
    let byteCount = (skipped + wanted + alignment - 1) / alignment * alignment
    return unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: alignment) {
      space in
      let count = unsafe (try? descriptor.calls.read(descriptor.number, space, at: start)) ?? 0
      // The last unit of an image may be short: what matters is that ours is there.
      guard count >= skipped + wanted else { return 0 }
      let part = unsafe UnsafeRawBufferPointer(rebasing: space[skipped..<skipped + wanted])
      unsafe bytes.copyMemory(from: part)
      return wanted
    }
  }
}
