// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Testing
import Wire

@testable import Transfer

@Suite struct ReceivedPagesTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var entries: [(segment: Int, pages: [Int])]
  }

  /// Two segments, three pages and 100 bytes.
  static let image = Pages.content(2 * 256 + 3, tail: [UInt8](repeating: 7, count: 100))

  static let cases = [
    Case(testDescription: "one page", entries: [(0, [5])]),
    Case(testDescription: "the short page", entries: [(2, [3])]),
    Case(testDescription: "the short page last", entries: [(0, [1, 2]), (2, [0, 3])]),
    Case(testDescription: "the short page in the middle", entries: [(2, [1, 3]), (0, [1, 200])]),
    Case(testDescription: "the short page twice", entries: [(2, [3]), (2, [3])]),
    Case(
      testDescription: "the short page thrice",
      entries: [(2, [3]), (1, [0]), (2, [3]), (2, [2, 3])]),
    Case(testDescription: "a segment twice", entries: [(0, [1, 9]), (0, [2, 255])]),
    Case(testDescription: "a whole segment", entries: [(1, Array(0..<256))]),
  ]

  @Test(arguments: cases)
  func eachPageHasItsOwnDigest(test: Case) {
    let shape = Self.image.shape
    let pages = test.entries.flatMap { entry in entry.pages.map { entry.segment * 256 + $0 } }
    let contents = pages.map { $0 < 515 ? Pages.bytes(of: Self.image.pages[$0]) : Self.image.tail }
    let entries = test.entries.map {
      DataBatch.Entry(segment: $0.segment, pages: WantedPages($0.segment, $0.pages).pages)
    }
    // Whoever reads past the last page dies.
    Fence.lend(Array(contents.joined())) { bytes in
      let received = ReceivedPages(entries, bytes: bytes, shape: shape)
      for (slot, content) in contents.enumerated() {
        let expected = content.withUnsafeBytes { PageHasher.digest(of: $0) }
        #expect(received.digests[slot] == expected)
        #expect(Array(received.bytes(of: slot, in: bytes)) == content)
      }
      #expect(received.digests.count == contents.count)
      #expect(received.bytes(of: 0..<contents.count, in: bytes).count == bytes.count)
    }
  }
}
