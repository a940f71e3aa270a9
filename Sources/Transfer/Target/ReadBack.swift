// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Reads a finished target past the page cache and hashes it: what `--verify` promises.
///
/// The page cache would only give back what was just written to it; the disk is asked instead.
final class ReadBack: ReadableImage {
  private let image: any CopyTarget
  private let threadCount: Int
  private let counters: Counters
  let byteCount: UInt64

  /// `byteCount` is the length of an image whose length was not known when it was opened.
  init(
    _ image: any CopyTarget, byteCount: UInt64? = nil, threadCount: Int, counters: Counters
  ) {
    self.image = image
    self.byteCount = byteCount ?? image.byteCount
    self.threadCount = WorkerThread.count(for: threadCount)
    self.counters = counters
  }

  var name: String { image.name }

  func extent(at offset: UInt64) throws(StorageError) -> Extent { try image.extent(at: offset) }

  @unsafe func read(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    try unsafe image.readPastCache(into: bytes, at: offset)
  }

  func confirm(_ expected: Digest) throws(TransferError) {
    let found = try ImageDigest.compute(
      of: self, byteCount: byteCount, threadCount: threadCount, end: .target, counters: counters)
    if found != expected {
      throw TransferError(
        .target,
        "\(name): reads back as \(found.hexadecimal), written was \(expected.hexadecimal)",
        hint: "the disk, its cable or the memory is failing; do not use this copy",
        status: .failed)
    }
  }
}
