// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Storage

struct LiveImageTests {
  private static let hidden: Range<UInt64> = 10_000..<20_000

  private static func withImage(_ body: (LiveImage, Data) throws -> Void) throws {
    let path = NSTemporaryDirectory() + "live-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let content = Data((0..<50_000).map { UInt8(truncatingIfNeeded: $0 | 1) })
    try content.write(to: URL(fileURLWithPath: path))
    let source = try ImageOpening.source(path, within: .anything, isForced: false)
    try body(LiveImage(source, hiding: [hidden]), content)
  }

  private static func read(_ image: LiveImage, _ range: Range<Int>) throws -> Data {
    var bytes = Data(count: range.count)
    try bytes.withUnsafeMutableBytes { try image.read(into: $0, at: UInt64(range.lowerBound)) }
    return bytes
  }

  @Test(arguments: [0..<50_000, 9_999..<10_001, 12_000..<13_000, 19_999..<20_001, 30_000..<40_000])
  func hiddenPartsAreZeroUntilTheyAreShown(_ range: Range<Int>) throws {
    try Self.withImage { image, content in
      var expected = content[range]
      for offset in range where Self.hidden.contains(UInt64(offset)) { expected[offset] = 0 }
      let masked = try Self.read(image, range)
      #expect(masked == expected)
      image.reveal()
      let shown = try Self.read(image, range)
      #expect(shown == content[range])
    }
  }

  @Test func hiddenPartsAreHoles() throws {
    try Self.withImage { image, _ in
      let offsets: [UInt64] = [0, 10_000, 15_000, 20_000]
      let extents = try offsets.map { try image.extent(at: $0) }
      #expect(
        extents == [
          Extent(range: 0..<10_000, isHole: false), Extent(range: 10_000..<20_000, isHole: true),
          Extent(range: 15_000..<20_000, isHole: true),
          Extent(range: 20_000..<50_000, isHole: false),
        ])
      image.reveal()
      let whole = try image.extent(at: 0)
      #expect(whole == Extent(range: 0..<50_000, isHole: false))
    }
  }

  /// That somebody writes to it is no news.
  @Test func itHasNothingToTell() throws {
    try Self.withImage { image, _ in #expect(image.notes.isEmpty) }
  }
}
