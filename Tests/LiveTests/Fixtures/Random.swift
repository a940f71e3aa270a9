// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Random numbers that can be had again: a test prints its seed, and the environment variable
/// BLKMOVE_TEST_SEED repeats it.
struct Random: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// With a new seed each time, which is printed.
  static func fresh(for test: String) -> Random {
    let wish = getenv("BLKMOVE_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
    let seed = wish ?? UInt64.random(in: 0...UInt64.max)
    print("\(test): BLKMOVE_TEST_SEED=\(seed)")
    return Random(seed: seed)
  }

  /// splitmix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
