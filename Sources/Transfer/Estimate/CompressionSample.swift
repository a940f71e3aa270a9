// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Makes frames of some pages as a copy would, and says how large they are.
///
/// A copy has neighbours in one frame, which shrink together; so what is no neighbour comes into
/// one frame only where a frame would be small without it.
struct CompressionSample {
  let image: any ReadableImage
  let shape: ImageShape
  /// Nil is raw.
  let level: Int?

  struct Sizes: Equatable {
    var rawByteCount: UInt64 = 0
    var frameByteCount: UInt64 = 0
  }

  /// So many pieces are looked at in any case.
  private static let leastCount = 16
  /// And of the others as many as are likely to be done in this time: a strong level may take much
  /// longer for all of them.
  private static let seconds = 1.0
  /// A frame of less is filled with what is elsewhere.
  private static let smallByteCount = 64 << 10

  /// The pieces are in no order, so that the first ones stand for all.
  func measure(_ pieces: [WantedPages]) throws(TransferError) -> Sizes {
    let start = Clock.now
    let first = try sizes(of: pieces.prefix(Self.leastCount))
    let pace = Double(Self.leastCount) / max(Clock.now - start, 1e-6)
    let count = min(pieces.count, Int(pace * Self.seconds))
    return count > Self.leastCount ? try sizes(of: pieces.prefix(count)) : first
  }

  private func sizes(of pieces: ArraySlice<WantedPages>) throws(TransferError) -> Sizes {
    let compressor = Compressor()
    var batch = DataBatchBuilder(shape: shape)
    var sizes = Sizes()
    var last = 0
    for piece in pieces.sorted(by: Self.isBefore) {
      let isFull = batch.fitting(piece.pages, of: piece.segment) != piece.pages
      let isFar = piece.segment > last + 1 && batch.pageByteCount >= Self.smallByteCount
      if isFull || isFar { flush(&batch, compressor, &sizes) }
      try add(piece, to: &batch)
      last = piece.segment
    }
    flush(&batch, compressor, &sizes)
    return sizes
  }

  private func flush(
    _ batch: inout DataBatchBuilder, _ compressor: Compressor, _ sizes: inout Sizes
  ) {
    if batch.isEmpty { return }
    sizes.rawByteCount += UInt64(batch.pageByteCount)
    sizes.frameByteCount += UInt64(batch.finish(compressor, level: level).count)
  }

  private static func isBefore(_ one: WantedPages, _ other: WantedPages) -> Bool {
    func place(_ piece: WantedPages) -> (Int, Int) {
      (piece.segment, piece.pages.runs.first?.lowerBound ?? 0)
    }
    return place(one) < place(other)
  }

  private func add(
    _ piece: WantedPages, to batch: inout DataBatchBuilder
  ) throws(TransferError) {
    do throws(StorageError) {
      try unsafe batch.append(piece.pages, of: piece.segment) { (bytes) throws(StorageError) in
        try unsafe image.read(piece.pages, of: piece.segment, shape: shape, into: bytes)
      }
    } catch {
      throw TransferError(.source, error)
    }
  }
}
