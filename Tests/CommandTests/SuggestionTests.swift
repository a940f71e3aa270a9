// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import blkmove

@Suite struct SuggestionTests {
  static let distances: [(first: String, second: String, distance: Int)] = [
    ("", "", 0), ("a", "", 1), ("", "ab", 2), ("abc", "abc", 0), ("abc", "abd", 1),
    ("abc", "acb", 1), ("abc", "ab", 1), ("abc", "xabc", 1), ("kitten", "sitting", 3),
  ]

  @Test(arguments: distances)
  func distanceCountsEdits(first: String, second: String, distance: Int) {
    #expect(Suggestion.distance(first, second) == distance)
    #expect(Suggestion.distance(second, first) == distance)
  }

  @Test func onlyWhatIsNearIsAsked() {
    let candidates = ["verify", "digest", "serve"]
    #expect(Suggestion.nearest(to: "verfiy", among: candidates) == "verify")
    #expect(Suggestion.nearest(to: "disk.img", among: candidates) == nil)
    #expect(Suggestion.nearest(to: "", among: candidates) == nil)
    #expect(Suggestion.nearest(to: String(repeating: "v", count: 65), among: candidates) == nil)
  }
}
