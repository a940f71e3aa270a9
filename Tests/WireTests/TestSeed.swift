// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The seed of all random tests of one run: `BLKMOVE_TEST_SEED`, or a new one.
enum TestSeed {
  static let value: UInt64 = {
    let asked = getenv("BLKMOVE_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
    let seed = asked ?? UInt64.random(in: 0...UInt64.max)
    print("WireTests: BLKMOVE_TEST_SEED=\(seed)")
    return seed
  }()

  /// A generator for one test, independent of the order in which tests run.
  static func bits(for test: String = #function) -> RandomBits {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in test.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return RandomBits(seed: value ^ hash)
  }
}
