// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@testable import Transfer

@Suite struct CompressionSampleTests {
  private static let pages = Pages.content(3 * 256 + 70, tail: [1, 2, 3])

  private func quarters(_ shape: ImageShape) -> [WantedPages] {
    var choice = SampleChoice()
    for segment in 0..<shape.segmentCount {
      choice.add(PageSet(firstPages: shape.pageCount(inSegment: segment)), of: segment)
    }
    return choice.pieces
  }

  /// Whatever the order is in which the pieces come, the frames are those of a copy.
  @Test(arguments: [nil, -3, 1, 9])
  func ofAllPiecesItIsWhatACopySends(level: Int?) throws {
    let image = MemoryImage(Self.pages)
    let shape = Self.pages.shape
    var frameByteCount = 0
    var builder = DataBatchBuilder(shape: shape)
    for segment in 0..<shape.segmentCount {
      let all = PageSet(firstPages: shape.pageCount(inSegment: segment))
      for part in quarters(shape) where part.segment == segment {
        #expect(part.pages.isSubset(of: all))
        try builder.append(part.pages, of: segment) {
          try image.read(part.pages, of: segment, shape: shape, into: $0)
        }
      }
      frameByteCount += builder.finish(Compressor(), level: level).count
    }
    let sample = CompressionSample(image: image, shape: shape, level: level)
    let sizes = try sample.measure(quarters(shape).shuffled())
    #expect(sizes.rawByteCount == shape.byteCount)
    #expect(sizes.frameByteCount == UInt64(frameByteCount))
  }

  @Test func ofNothingItIsNothing() throws {
    let sample = CompressionSample(
      image: MemoryImage(Self.pages), shape: Self.pages.shape, level: 1)
    #expect(try sample.measure([]) == CompressionSample.Sizes())
  }

  @Test func whatCannotBeReadIsTheSourcesFailure() throws {
    let image = MemoryImage(Self.pages, unreadable: 4096..<8192)
    let sample = CompressionSample(image: image, shape: Self.pages.shape, level: 1)
    let error = #expect(throws: TransferError.self) {
      try sample.measure([WantedPages(segment: 0, pages: PageSet(firstPages: 2))])
    }
    #expect(error?.end == .source)
  }
}
