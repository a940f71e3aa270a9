// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct TreeFolderTests {
  /// An image of a size, random but for the pages that are zero.
  struct Case: CustomTestStringConvertible, Sendable {
    var byteCount: Int
    var zeroes = Zeroes.none

    enum Zeroes { case none, all, someGroups, everySecondPage, segments }

    var testDescription: String { "\(byteCount) bytes, zero: \(zeroes)" }

    func isZero(page: Int) -> Bool {
      switch zeroes {
      case .none: false
      case .all: true
      case .someGroups: page / 16 % 3 == 1
      case .everySecondPage: page % 2 == 0
      case .segments: page / 256 % 4 != 2
      }
    }

    var bytes: [UInt8] {
      var random = Random(seed: UInt64(byteCount))
      var bytes = random.bytes(byteCount)
      for page in 0..<(byteCount + 4095) / 4096 where isZero(page: page) {
        for index in 4096 * page..<min(4096 * (page + 1), byteCount) { bytes[index] = 0 }
      }
      return bytes
    }
  }

  static let sizes = [
    0, 1, 511, 512, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1 << 20 - 1, 1 << 20,
    1 << 20 + 1, 3 << 20 - 4097, 16 << 20 - 1, 16 << 20, 16 << 20 + 1,
  ]

  static func digest(of bytes: [UInt8]) -> Digest {
    let shape = ImageShape(byteCount: UInt64(bytes.count))
    var folder = TreeFolder(shape: shape)
    bytes.withUnsafeBytes { bytes in
      for segment in 0..<shape.segmentCount {
        let range = shape.segmentRange(segment)
        let slice = bytes[Int(range.lowerBound)..<Int(range.upperBound)]
        folder.append(segment: SegmentDigests.hashing(.init(rebasing: slice)).digest)
      }
    }
    return folder.finish()
  }

  @Test(arguments: [1, 4096, 70_000, 5 << 20 + 5])
  func agrees(byteCount: Int) {
    let bytes = Case(byteCount: byteCount).bytes
    #expect(Self.digest(of: bytes) == Reference.image(bytes))
  }
}
