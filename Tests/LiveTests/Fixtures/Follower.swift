// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Glibc

@testable import Live

/// A copy of an image that is kept up by what a dirty source tells, as a live move does it: what is
/// dirty is read again, and nothing else ever.
struct Follower {
  private(set) var copy: [UInt8]
  private(set) var losses: [DirtyLoss] = []
  /// How many groups were read again, all in all.
  private(set) var groupCount = 0
  private let source: any DirtySource
  private let shape: ImageShape
  private let file: Int32

  /// - Parameter path: where the image can be read as it is, also by somebody else's cache.
  init(_ source: any DirtySource, _ path: String, shape: ImageShape) throws {
    self.source = source
    self.shape = shape
    file = open(path, O_RDONLY | O_CLOEXEC)
    precondition(file >= 0)
    copy = []
    try source.begin()
    copy = read(0..<shape.byteCount)
  }

  /// One round.
  /// - Parameter leavingOut: a control: what of each round is left out.
  mutating func follow(leavingOut: (Int) -> Bool = { _ in false }) throws {
    var dirty = DirtySet(shape: shape)
    if let loss = try source.take(into: &dirty) { losses.append(loss) }
    groupCount += dirty.groupCount
    var next = 0
    while let segment = dirty.nextSegment(from: next) {
      next = segment + 1
      for group in 0..<Geometry.groupsPerSegment where dirty[segment][group] {
        let number = segment * Geometry.groupsPerSegment + group
        if leavingOut(number) { continue }
        let first = UInt64(number * Geometry.groupByteCount)
        let range = first..<min(first + UInt64(Geometry.groupByteCount), shape.byteCount)
        copy.replaceSubrange(Int(range.lowerBound)..<Int(range.upperBound), with: read(range))
      }
    }
  }

  /// The pages in which the copy differs from the image.
  func differences() -> [Int] {
    let image = read(0..<shape.byteCount)
    return image.withUnsafeBytes { image in
      copy.withUnsafeBytes { copy in
        stride(from: 0, to: image.count, by: 4096).filter { start in
          let count = min(4096, image.count - start)
          return memcmp(image.baseAddress! + start, copy.baseAddress! + start, count) != 0
        }.map { $0 / 4096 }
      }
    }
  }

  private func read(_ range: Range<UInt64>) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeMutableBytes {
        pread(file, $0.baseAddress! + done, $0.count - done, off_t(range.lowerBound) + off_t(done))
      }
      precondition(count > 0)
      done += count
    }
    return bytes
  }

  func close() { Glibc.close(file) }
}
