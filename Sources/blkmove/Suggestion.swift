// SPDX-License-Identifier: Apache-2.0

/// Guesses which known word a mistyped one stands for.
enum Suggestion {
  /// Longer words are not compared: the cost grows with the square of the length.
  static let maximumLength = 64

  /// The nearest candidate, when it is near enough to be worth a question.
  static func nearest(to word: String, among candidates: [String]) -> String? {
    guard !word.isEmpty, word.count <= maximumLength else { return nil }
    let allowed = word.count < 4 ? 1 : word.count < 8 ? 2 : 3
    return
      candidates
      .map { (candidate: $0, distance: distance(word, $0)) }
      .filter { $0.distance <= allowed }
      .min { $0.distance < $1.distance }?
      .candidate
  }

  /// How many insertions, deletions, replacements and exchanges of neighbours lie
  /// between two words.
  static func distance(_ first: String, _ second: String) -> Int {
    let first = Array(first)
    let second = Array(second)
    var beforePrevious: [Int] = []
    var previous = Array(0...second.count)
    for row in 0..<first.count {
      var current = [row + 1]
      for column in 0..<second.count {
        let isSame = first[row] == second[column]
        var best = min(
          previous[column] + (isSame ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
          best = min(best, beforePrevious[column - 1] + 1)
        }
        current.append(best)
      }
      beforePrevious = previous
      previous = current
    }
    return previous[second.count]
  }
}
