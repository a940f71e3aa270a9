// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Compares two images on this machine byte by byte, and says how much differs and where first.
struct LocalComparison {
  let source: any CopySource
  let target: any CopySource
  /// How much of both is compared.
  let byteCount: UInt64
  let threadCount: Int
  let counters: Counters

  func run() throws(TransferError) -> Difference {
    let shape = ImageShape(byteCount: byteCount)
    let found = Monitor(Difference())
    let counters = counters
    let walk = PairWalk(source: source, target: target, shape: shape, threadCount: threadCount)
    try walk.run(
      zero: { (segments) throws(StorageError) in
        let start = shape.segmentRange(segments.lowerBound).lowerBound
        let end = shape.segmentRange(segments.upperBound - 1).upperBound
        counters.add(end - start, to: .zero)
        counters.add(end - start, to: .scanned)
      },
      body: { (pair) throws(StorageError) in
        let difference = Self.compare(pair, shape: shape)
        let length = UInt64(shape.segmentLength(pair.segment))
        counters.add(length - min(difference.byteCount, length), to: .equal)
        counters.add(length, to: .scanned)
        found.peek { $0.add(difference) }
      })
    return found.peek { $0 }
  }

  private static func compare(_ pair: PairWalk.Pair, shape: ImageShape) -> Difference {
    var difference = Difference()
    let first = pair.segment * Geometry.pagesPerSegment
    for page in 0..<shape.pageCount(inSegment: pair.segment) {
      let length = shape.pageLength(first + page)
      let start = page * Geometry.pageByteCount
      let source = unsafe UnsafeRawBufferPointer(rebasing: pair.source[start..<start + length])
      let isEqual: Bool
      if let whole = unsafe pair.target {
        let target = unsafe UnsafeRawBufferPointer(rebasing: whole[start..<start + length])
        isEqual = unsafe PageHasher.isEqual(source, target)
      } else {
        isEqual = unsafe PageHasher.isZero(source)
      }
      if !isEqual { difference.add(page: first + page, shape: shape) }
    }
    return difference
  }
}
