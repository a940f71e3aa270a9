// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Chances that can be had again: a test prints its seed, and the environment variable
/// BLKMOVE_TEST_SEED repeats it.
struct Random: RandomNumberGenerator, CustomStringConvertible {
  let seed: UInt64
  private var state: UInt64

  /// With a new seed each time, which is printed.
  init(for test: String) {
    let wish = ProcessInfo.processInfo.environment["BLKMOVE_TEST_SEED"].flatMap { UInt64($0) }
    seed = wish ?? UInt64.random(in: 0...UInt64.max)
    state = seed
    print("\(test): BLKMOVE_TEST_SEED=\(seed)")
  }

  /// For what a test says when it fails.
  var description: String { "BLKMOVE_TEST_SEED=\(seed)" }

  /// splitmix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

  mutating func one<Element>(of elements: [Element]) -> Element {
    elements.randomElement(using: &self)!
  }

  mutating func number(_ range: Range<UInt64>) -> UInt64 { .random(in: range, using: &self) }

  mutating func seconds(upTo most: Double) -> Double { .random(in: 0...most, using: &self) }
}
