// SPDX-License-Identifier: Apache-2.0

import Testing

/// An image to be hashed: random bytes but for the pages that are zero.
struct TestImage: CustomTestStringConvertible, Sendable {
  var byteCount: Int
  var zeros = Zeros.none

  enum Zeros: CaseIterable, Sendable {
    case none, all, allButLastByte, groups, everySecondPage, segments, random
  }

  var testDescription: String { "\(byteCount) bytes, zero: \(zeros)" }

  var pageCount: Int { (byteCount + 4095) / 4096 }

  func isZero(page: Int) -> Bool {
    switch zeros {
    case .none: false
    case .all: true
    case .allButLastByte: page != pageCount - 1
    case .groups: page / 16 % 3 == 1
    case .everySecondPage: page % 2 == 0
    case .segments: page / 256 % 4 != 2
    case .random: Random(seed: UInt64(page)).letting { $0.next() } % 3 == 0
    }
  }

  var bytes: [UInt8] {
    var bytes = Random(seed: UInt64(byteCount)).letting { $0.bytes(byteCount) }
    bytes.withUnsafeMutableBytes { bytes in
      for page in 0..<pageCount {
        let range = 4096 * page..<min(4096 * (page + 1), byteCount)
        if isZero(page: page) || zeros == .allButLastByte {
          UnsafeMutableRawBufferPointer(rebasing: bytes[range])
            .initializeMemory(as: UInt8.self, repeating: 0)
        }
        if !isZero(page: page) { bytes[range.upperBound - 1] = 1 }
      }
    }
    return bytes
  }
}
