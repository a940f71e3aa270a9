// SPDX-License-Identifier: Apache-2.0

/// Random numbers that can be had again: SplitMix64. A test prints the seed that it used, and
/// takes it from the environment when it is to be repeated.
struct RandomBits: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count + 8)
    while result.count < count {
      withUnsafeBytes(of: next()) { result.append(contentsOf: $0) }
    }
    result.removeLast(result.count - count)
    return result
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  mutating func flip() -> Bool { next() & 1 == 1 }
}
