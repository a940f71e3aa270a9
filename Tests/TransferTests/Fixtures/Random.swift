// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Random numbers that can be had again: SplitMix64. A test prints its seed, and the environment
/// variable BLKMOVE_TEST_SEED repeats it.
struct Random: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// With a new seed each time, which is printed.
  static func printed(test: String = #function) -> Random {
    let wish = getenv("BLKMOVE_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
    let random = Random(seed: wish ?? UInt64.random(in: 0...UInt64.max))
    print("TransferTests.\(test): BLKMOVE_TEST_SEED=\(random.seed)")
    return random
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
    return word ^ word >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  mutating func chance(_ probability: Double) -> Bool {
    Double.random(in: 0..<1, using: &self) < probability
  }

  mutating func pick<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }
}
