// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Storage

/// What every kind of target promises, and what a source then reads from it.
@Suite(.timeLimit(.minutes(1))) struct ConformanceTests {
  /// One kind of image, and how to make one of a size.
  struct Endpoint: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var isDevice = false
    var keepsSparse = true
    /// Makes what is there before, and gives its path.
    let make: @Sendable (Scratch, UInt64) throws -> (path: String, keeper: LoopDevice?)
  }

  static let files = [
    Endpoint(testDescription: "new file") { scratch, _ in (scratch.file("new.img"), nil) },
    Endpoint(testDescription: "new file without holes", keepsSparse: false) { scratch, _ in
      (scratch.file("new.img"), nil)
    },
    Endpoint(testDescription: "empty file") { scratch, _ in (scratch.write([], to: "a.img"), nil) },
    Endpoint(testDescription: "shorter file") { scratch, size in
      (scratch.write(pattern(Int(size) / 3), to: "a.img"), nil)
    },
    Endpoint(testDescription: "equally long file") { scratch, size in
      (scratch.write(pattern(Int(size)), to: "a.img"), nil)
    },
    Endpoint(testDescription: "longer file") { scratch, size in
      (scratch.write(pattern(Int(size) + 5000), to: "a.img"), nil)
    },
    Endpoint(testDescription: "file behind a link", keepsSparse: false) { scratch, size in
      scratch.write(pattern(Int(size)), to: "b.img")
      try FileManager.default.createSymbolicLink(
        atPath: scratch.file("a.img"), withDestinationPath: "b.img")
      return (scratch.file("a.img"), nil)
    },
  ]

  static let devices = [
    Endpoint(testDescription: "device", isDevice: true) { scratch, size in
      let device = try LoopDevice(scratch, byteCount: max(512, (size + 511) / 512 * 512))
      return (device.path, device)
    },
    Endpoint(testDescription: "larger device of 4 KiB sectors", isDevice: true, keepsSparse: false)
    { scratch, size in
      let device = try LoopDevice(
        scratch, byteCount: (size + 8191) / 4096 * 4096, "--sector-size", "4096")
      return (device.path, device)
    },
  ]

  static let endpoints = files + (LoopDevice.isPossible ? devices : [])
  static let sizes: [UInt64] = [0, 1, 511, 512, 513, 4095, 4096, 4097, 1 << 20, 1_500_003]

  @Test(arguments: endpoints, sizes)
  func keepsWhatIsWritten(_ endpoint: Endpoint, _ size: UInt64) throws {
    let scratch = Scratch()
    let (path, keeper) = try endpoint.make(scratch, size)
    defer { withExtendedLifetime(keeper) {} }
    let request = TargetRequest(
      path: path, suggestedName: "x", sourceByteCount: size, keepsSparse: endpoint.keepsSparse)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine)
    #expect(target.byteCount == size)
    #expect(target.kind == (endpoint.isDevice ? .device : .file))
    var expected = try target.allBytes()
    if target.startsZero { #expect(expected == [UInt8](repeating: 0, count: Int(size))) }
    #expect(try target.extents().map(\.range.count).reduce(0, +) == Int(size))

    var random = Random.fresh(for: "ConformanceTests")
    for round in 0..<12 where size > 0 {
      let start = Int.random(in: 0..<Int(size), using: &random)
      let count = min(Int.random(in: 1...200_000, using: &random), Int(size) - start)
      let range = UInt64(start)..<UInt64(start + count)
      if round % 2 == 0 {
        let content = pattern(count, seed: UInt64(round + 7))
        try target.write(content, at: UInt64(start))
        expected.replaceSubrange(start..<start + count, with: content)
      } else {
        try target.zero(range)
        expected.replaceSubrange(start..<start + count, with: repeatElement(0, count: count))
      }
      #expect(
        try target.bytes(range) == Array(expected[start..<start + count]),
        "seed \(random.seed), round \(round)")
    }
    #expect(try target.allBytes() == expected, "seen through the same descriptor")
    try target.synchronize()
    #expect(try readPastCache(target) == expected, "seen past the cache")
    try target.complete()

    let source = try SourceImage.open(
      path, within: .anything, isForced: false, on: scratch.machine)
    #expect(endpoint.isDevice ? source.byteCount >= size : source.byteCount == size)
    #expect(try source.bytes(0..<size) == expected, "seen by the next reader")
    #expect(source.notes == [])
    #expect(try source.currentIdentity() == source.identity)
    #expect(scratch.unfinishedMarks == [])
  }

  private func readPastCache(_ target: TargetImage) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: Int(target.byteCount))
    var failure: (any Error)?
    bytes.withUnsafeMutableBytes { space in
      do { try target.readPastCache(into: space, at: 0) } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }
}
