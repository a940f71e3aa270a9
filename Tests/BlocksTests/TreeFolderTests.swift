// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct TreeFolderTests {
  static let sizes = [
    0, 1, 511, 512, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1 << 20 - 1, 1 << 20,
    1 << 20 + 1, 3 << 20 - 4097, 16 << 20 - 1, 16 << 20, 16 << 20 + 1,
  ]

  static let images =
    sizes.map { TestImage(byteCount: $0) }
    + [
      TestImage(byteCount: 5 << 20 + 5, zeros: .all),
      TestImage(byteCount: 5 << 20 + 5, zeros: .allButLastByte),
      TestImage(byteCount: 6 << 20 + 700_000, zeros: .segments),
      TestImage(byteCount: 3 << 20 + 4096, zeros: .random),
      TestImage(byteCount: 2 << 20 - 1, zeros: .groups),
      TestImage(byteCount: 1 << 20 + 65_537, zeros: .everySecondPage),
    ]

  /// Segment by segment, with runs of zero segments taken as such.
  @Test(.timeLimit(.minutes(1)), arguments: images) func followsTheDefinition(image: TestImage) {
    let bytes = image.bytes
    let shape = ImageShape(byteCount: UInt64(bytes.count))
    var plain = TreeFolder(shape: shape)
    var withRuns = TreeFolder(shape: shape)
    bytes.withUnsafeBytes { bytes in
      for segment in 0..<shape.segmentCount {
        let range = shape.segmentRange(segment)
        let slice = bytes[Int(range.lowerBound)..<Int(range.upperBound)]
        let digests = SegmentDigests.hashing(.init(rebasing: slice))
        plain.append(segment: digests.digest)
        if digests.isZero {
          withRuns.appendZeroSegments(1)
        } else {
          withRuns.append(segment: digests.digest)
        }
      }
    }
    let expected = Reference.image(bytes)
    #expect(plain.finish() == expected)
    #expect(withRuns.finish() == expected)
  }

  /// Made once by another implementation (Python's hashlib): these values may never change.
  struct Golden: Sendable {
    var byteCount: Int
    var digest: String
  }

  static let golden = [
    Golden(
      byteCount: 0, digest: "228b220a7df19a314037c101b8cb05c6b74dca444baf9957632c08f0b785e994"),
    Golden(
      byteCount: 1, digest: "8cd497c2a4476fe774d9eabfa5f423a408209af8d294477dd7e6004441ebadfc"),
    Golden(
      byteCount: 1 << 20 + 1,
      digest: "389591b52b80e64f62efb77bca30c99c20dcf16bff3994d89edd4f39b922bb0a"),
  ]

  @Test(arguments: golden) func imagesOfZerosKeepTheirDigests(each: Golden) {
    var folder = TreeFolder(shape: ImageShape(byteCount: UInt64(each.byteCount)))
    folder.appendZeroSegments(folder.shape.segmentCount)
    #expect(folder.finish().hexadecimal == each.digest)
  }

  /// Segment digests that are made up, so that there may be many.
  @Test(arguments: [2, 15, 16, 17, 255, 256, 257, 4095, 4096, 4097, 5000])
  func manySegments(count: Int) {
    var random = Random(seed: UInt64(count))
    let segments = (0..<count).map { _ in Digest(bytes: random.bytes(32)) }
    let shape = ImageShape(byteCount: UInt64(count) << 20)
    var folder = TreeFolder(shape: shape)
    for segment in segments { folder.append(segment: segment) }
    #expect(folder.segmentCount == count)
    #expect(folder.finish() == Reference.image(segments: segments, byteCount: shape.byteCount))
  }

  /// Runs of zeros that begin and end anywhere, against the same segments one by one.
  @Test(.timeLimit(.minutes(1))) func runsOfZeros() {
    var random = Random.printed()
    for _ in 0..<40 {
      let count = Int.random(in: 1...5000, using: &random)
      let rest = Bool.random(using: &random) ? 0 : Int.random(in: 1..<1 << 20, using: &random)
      let shape = ImageShape(byteCount: UInt64(count) << 20 + UInt64(rest))
      var folder = TreeFolder(shape: shape)
      var segments: [Digest] = []
      while segments.count < shape.segmentCount {
        let left = shape.segmentCount - segments.count
        if Bool.random(using: &random) {
          let run = min(left, 1 << Int.random(in: 0...12, using: &random))
          folder.appendZeroSegments(run)
          for _ in 0..<run {
            segments.append(ZeroDigests.segment(length: shape.segmentLength(segments.count)))
          }
        } else {
          let digest = Digest(bytes: random.bytes(32))
          folder.append(segment: digest)
          segments.append(digest)
        }
        folder.appendZeroSegments(0)
      }
      let expected = Reference.image(segments: segments, byteCount: shape.byteCount)
      #expect(folder.finish() == expected, "\(shape.byteCount) bytes, \(random.comment)")
    }
  }

  /// The largest image there may be, in no time, against a tree that knows only what is not
  /// zero in it.
  @Test(.timeLimit(.minutes(1)), arguments: [0, 1, 4096, 1 << 20 - 1] as [UInt64])
  func exabytesOfZeros(missing: UInt64) {
    let shape = ImageShape(byteCount: 1 << 60 - missing)
    var random = Random(seed: missing)
    let places = [3, 1 << 12, 1 << 20 - 1, 1 << 39 + 12_345, 1 << 40 - 2]
    var digests: [Int: Digest] = [:]
    for place in places { digests[place] = Digest(bytes: random.bytes(32)) }
    var folder = TreeFolder(shape: shape)
    for place in places {
      folder.appendZeroSegments(place - folder.segmentCount)
      folder.append(segment: digests[place]!)
    }
    folder.appendZeroSegments(shape.segmentCount - folder.segmentCount)
    digests[shape.segmentCount - 1] =
      ZeroDigests.segment(length: shape.segmentLength(shape.segmentCount - 1))
    #expect(folder.finish() == Reference.sparseImage(digests, shape: shape))

    var zeros = TreeFolder(shape: shape)
    zeros.appendZeroSegments(shape.segmentCount)
    let last = [shape.segmentCount - 1: digests[shape.segmentCount - 1]!]
    #expect(zeros.finish() == Reference.sparseImage(last, shape: shape))
  }

  @Test func refusesTooManyAndTooFew() async {
    await #expect(processExitsWith: .failure) {
      var folder = TreeFolder(shape: ImageShape(byteCount: 1 << 20))
      folder.appendZeroSegments(2)
    }
    await #expect(processExitsWith: .failure) {
      var folder = TreeFolder(shape: ImageShape(byteCount: 1))
      folder.appendZeroSegments(1)
      folder.append(segment: ZeroDigests.segment())
    }
    await #expect(processExitsWith: .failure) {
      _ = TreeFolder(shape: ImageShape(byteCount: 1)).finish()
    }
  }
}
