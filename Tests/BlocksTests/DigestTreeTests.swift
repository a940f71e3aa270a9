// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Blocks

struct DigestTreeTests {
  static let byteCounts: [UInt64] = [
    0, 1, 4097, 1 << 20, (1 << 20) + 1, 16 << 20, (16 << 20) + 5, 17 << 20, 255 << 20,
    (256 << 20) + 4096, (300 << 20) - 7, 5000 << 20,
  ]

  private static func digest(_ number: Int) -> Digest {
    Digest(UInt64(number), 1, 2, 3)
  }

  private static func folded(_ shape: ImageShape, _ segments: [Int: Digest]) -> Digest {
    var folder = TreeFolder(shape: shape)
    for segment in 0..<shape.segmentCount {
      if let digest = segments[segment] {
        folder.append(segment: digest)
      } else {
        folder.appendZeroSegments(1)
      }
    }
    return folder.finish()
  }

  @Test(arguments: byteCounts)
  func itAgreesWithTheFolder(_ byteCount: UInt64) {
    let shape = ImageShape(byteCount: byteCount)
    var tree = DigestTree(shape: shape)
    var segments: [Int: Digest] = [:]
    #expect(tree.imageDigest() == Self.folded(shape, segments))
    guard shape.segmentCount > 0 else { return }
    var random = SystemRandomNumberGenerator()
    for step in 0..<40 {
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let segment = Int.random(in: 0..<shape.segmentCount, using: &random)
        let digest = Bool.random(using: &random) ? Self.digest(step) : nil
        segments[segment] = digest
        tree.set(digest, at: segment)
      }
      #expect(tree.imageDigest() == Self.folded(shape, segments), "step \(step)")
    }
  }

  @Test func theLastSegmentMayBeShort() {
    let shape = ImageShape(byteCount: (33 << 20) + 100)
    var tree = DigestTree(shape: shape)
    tree.set(Self.digest(1), at: 33)
    _ = tree.imageDigest()
    tree.set(nil, at: 33)
    #expect(tree.imageDigest() == Self.folded(shape, [:]))
  }
}
