// SPDX-License-Identifier: Apache-2.0

import Foundation

/// An endless supply of pages of which no two are alike, the same for the same seed: random
/// bytes, each page stamped with seed and number.
struct Pattern: Sendable {
  static let pageByteCount = 4096
  let seed: UInt64
  private let base: Data

  init(seed: UInt64) {
    self.seed = seed
    var state = seed &+ 0x9E37_79B9_7F4A_7C15
    var words = [UInt64](repeating: 0, count: 64 * Self.pageByteCount / 8)
    for index in words.indices {
      state &+= 0x9E37_79B9_7F4A_7C15
      var word = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
      words[index] = word ^ (word >> 31)
    }
    base = words.withUnsafeBytes { Data($0) }
  }

  /// The bytes of so many pages from a page on.
  func pages(_ first: UInt64, count: Int) -> Data {
    var result = Data(count: count * Self.pageByteCount)
    result.withUnsafeMutableBytes { target in
      base.withUnsafeBytes { source in
        for index in 0..<count {
          let number = first &+ UInt64(index)
          let page = target.baseAddress! + index * Self.pageByteCount
          page.copyMemory(
            from: source.baseAddress! + Int(number % 64) * Self.pageByteCount,
            byteCount: Self.pageByteCount)
          page.storeBytes(of: seed, as: UInt64.self)
          page.storeBytes(of: number, toByteOffset: 8, as: UInt64.self)
        }
      }
    }
    return result
  }
}
