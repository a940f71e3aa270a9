// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc

/// An image as tests think of it: what each of its pages is.
struct Pages: Equatable, Sendable {
  enum Page: Hashable, Sendable {
    case hole
    case zero
    /// Content that is its own for each number, and shrinks well.
    case content(UInt64)
    /// The same, but it does not shrink.
    case noise(UInt64)
  }

  var pages: [Page]
  /// What follows the last whole page: fewer bytes than a page has.
  var tail: [UInt8] = []

  init(_ pages: [Page], tail: [UInt8] = []) {
    self.pages = pages
    self.tail = tail
  }

  var byteCount: Int { pages.count * Geometry.pageByteCount + tail.count }

  static func bytes(of page: Page) -> [UInt8] {
    let words: [UInt64]
    switch page {
    case .hole, .zero:
      return [UInt8](repeating: 0, count: Geometry.pageByteCount)
    case .content(let number):
      var random = Random(seed: number)
      words = [UInt64](repeating: random.next() | 1, count: Geometry.pageByteCount / 8)
    case .noise(let number):
      var random = Random(seed: ~number)
      words = (0..<Geometry.pageByteCount / 8).map { _ in random.next() | 1 }
    }
    return words.withUnsafeBytes { Array($0) }
  }

  /// The whole image.
  var bytes: [UInt8] { pages.flatMap(Self.bytes) + tail }

  /// Makes the file anew, holes as holes.
  func write(to path: String) {
    let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    precondition(file >= 0, "cannot make \(path)")
    defer { close(file) }
    precondition(ftruncate(file, off_t(byteCount)) == 0)
    for (number, page) in pages.enumerated() where page != .hole {
      Self.write(Self.bytes(of: page), to: file, at: number * Geometry.pageByteCount)
    }
    Self.write(tail, to: file, at: pages.count * Geometry.pageByteCount)
  }

  /// Changes one page of a file that exists.
  static func write(_ page: Page, at number: Int, of path: String) {
    let file = open(path, O_WRONLY | O_CLOEXEC)
    precondition(file >= 0, "cannot open \(path)")
    defer { close(file) }
    write(bytes(of: page), to: file, at: number * Geometry.pageByteCount)
  }

  private static func write(_ bytes: [UInt8], to file: Int32, at offset: Int) {
    let count = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(offset)) }
    precondition(count == bytes.count, "cannot write a test image")
  }
}

extension Pages {
  /// Runs of holes, zeros, content of its own and content from a small pool, as disks have them.
  static func random(pageCount: Int, tail: Int = 0, using random: inout Random) -> Pages {
    let pool = (0..<random.pick([1, 5, 50, 3000])).map { _ in random.next() }
    var pages: [Page] = []
    while pages.count < pageCount {
      let count = 1 + random.below(40)
      let first = random.next()
      switch random.below(6) {
      case 0: pages += Array(repeating: .hole, count: count)
      case 1: pages += Array(repeating: .zero, count: count)
      case 2: pages += (0..<count).map { .noise(first &+ UInt64($0)) }
      case 3: pages += (0..<count).map { .content(first &+ UInt64($0)) }
      case 4: pages += (0..<count).map { _ in .content(random.pick(pool)) }
      default:
        let start = random.below(pool.count)
        pages += pool[start..<min(start + count, pool.count)].map { .content($0) }
      }
    }
    let isZeroTail = random.chance(0.3)
    return Pages(
      Array(pages.prefix(pageCount)),
      tail: (0..<tail).map { _ in isZeroTail ? 0 : UInt8(truncatingIfNeeded: random.next()) | 1 })
  }
}
