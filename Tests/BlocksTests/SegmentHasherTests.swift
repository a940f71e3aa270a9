// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct SegmentHasherTests {
  static let sizes = [1, 4096, 4097, 65_536, 262_145, 1 << 20 - 1, 1 << 20]

  static let images = sizes.flatMap { size in
    TestImage.Zeros.allCases.map { TestImage(byteCount: size, zeros: $0) }
  }

  /// Wherever a segment is cut, and whether or not its zeros are known as such.
  @Test(arguments: images) func piecesDoNotMatter(image: TestImage) {
    var random = Random.printed()
    let bytes = image.bytes
    let expected = bytes.withUnsafeBytes { SegmentDigests.hashing($0) }
    for _ in 0..<5 {
      var hasher = SegmentHasher(byteCount: bytes.count)
      var start = 0
      while start < bytes.count {
        let pageCount = Int.random(in: 1...100, using: &random)
        let end = min(start + pageCount * 4096, bytes.count)
        let isZero = bytes[start..<end].allSatisfy { $0 == 0 }
        if isZero && Bool.random(using: &random) {
          hasher.append(zeros: end - start)
        } else {
          bytes.withUnsafeBytes { hasher.append(.init(rebasing: $0[start..<end])) }
        }
        start = end
      }
      #expect(hasher.isZero == expected.isZero, "\(random.comment)")
      let found = hasher.finish()
      #expect(found.pages == expected.pages, "\(random.comment)")
      #expect(found.zeroPages == expected.zeroPages, "\(random.comment)")
      #expect(found.digest == expected.digest, "\(random.comment)")
    }
  }

  @Test func refusesWhatIsNoSegment() async {
    await #expect(processExitsWith: .failure) { _ = SegmentHasher(byteCount: 0) }
    await #expect(processExitsWith: .failure) { _ = SegmentHasher(byteCount: 1 << 20 + 1) }
    await #expect(processExitsWith: .failure) {
      var hasher = SegmentHasher(byteCount: 8192)
      hasher.append(zeros: 4095)
    }
    await #expect(processExitsWith: .failure) {
      var hasher = SegmentHasher(byteCount: 4096)
      hasher.append(zeros: 8192)
    }
    await #expect(processExitsWith: .failure) {
      var hasher = SegmentHasher(byteCount: 8192)
      hasher.append(zeros: 4096)
      _ = hasher.finish()
    }
  }
}
