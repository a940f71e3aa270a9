// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Synchronization

/// An image in memory whose extents and failures a test chooses.
///
/// ## Concurrency
/// What can change is behind a mutex.
final class MemoryImage: ReadableImage {
  let name = "memory"
  let byteCount: UInt64
  private let bytes: [UInt8]
  /// Ascending, without gaps.
  private let extents: [Extent]
  private let unreadable: Range<UInt64>?
  private let unknown: Range<UInt64>?
  private let delaySeconds: Double
  private let reads = Mutex<[Range<UInt64>]>([])
  private let questions = Mutex<[UInt64]>([])

  /// `unreadable` fails to be read, `unknown` to be asked about.
  init(
    _ pages: Pages, unreadable: Range<UInt64>? = nil, unknown: Range<UInt64>? = nil,
    delaySeconds: Double = 0
  ) {
    bytes = pages.bytes
    byteCount = UInt64(pages.byteCount)
    self.unreadable = unreadable
    self.unknown = unknown
    self.delaySeconds = delaySeconds
    extents = Self.extents(of: pages)
  }

  /// What was read, in the order in which it was.
  var readRanges: [Range<UInt64>] { reads.withLock { $0 } }

  /// Where it was asked for extents.
  var askedOffsets: [UInt64] { questions.withLock { $0 } }

  private static func extents(of pages: Pages) -> [Extent] {
    var result: [Extent] = []
    var start: UInt64 = 0
    for (number, page) in pages.pages.enumerated() {
      let isHole = page == .hole
      let end = UInt64(number + 1) * UInt64(Geometry.pageByteCount)
      if number + 1 < pages.pages.count, (pages.pages[number + 1] == .hole) == isHole { continue }
      result.append(Extent(range: start..<end, isHole: isHole))
      start = end
    }
    if !pages.tail.isEmpty {
      result.append(Extent(range: start..<UInt64(pages.byteCount), isHole: false))
    }
    return result
  }

  @unsafe func read(
    into space: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    let range = offset..<offset + UInt64(space.count)
    precondition(range.upperBound <= byteCount, "read past the end")
    reads.withLock { $0.append(range) }
    if delaySeconds > 0 { usleep(UInt32(delaySeconds * 1e6)) }
    if let unreadable, range.overlaps(unreadable) {
      throw StorageError(
        .system(EIO), object: name, operation: "read", offset: unreadable.lowerBound,
        byteCount: unreadable.count)
    }
    bytes.withUnsafeBytes { all in
      space.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: all[Int(range.lowerBound)..<Int(range.upperBound)]))
    }
  }

  func extent(at offset: UInt64) throws(StorageError) -> Extent {
    precondition(offset < byteCount, "asked past the end")
    questions.withLock { $0.append(offset) }
    if let unknown, unknown.contains(offset) {
      throw StorageError(.shrank, object: name, operation: "look for holes", offset: offset)
    }
    let extent = extents.first { $0.range.contains(offset) }!
    return Extent(range: offset..<extent.range.upperBound, isHole: extent.isHole)
  }
}
