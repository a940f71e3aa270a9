// SPDX-License-Identifier: Apache-2.0

/// How long a plan is held back, so that what moved can be found before it is overwritten.
///
/// Small and fast images are scanned within the first moment, and their plan is complete. After
/// that it depends on what the plan shows: where content moves, holding on saves much of the
/// wire; where it does not, as in the difference of a night, waiting would only leave the wire
/// idle, and the plan is carried out as it comes.
struct Patience {
  /// For so long everything is held.
  static let firstSeconds = 1.0
  /// For so long where content moves.
  static let longestSeconds = 30.0
  /// Between two looks at a plan that is held.
  private static let reviewSeconds = 1.0
  /// Between two plans that are carried out as they come.
  private static let streamSeconds = 0.1
  /// Where at least one page in so many is found elsewhere, content moves.
  private static let movingShare = 20

  private var isStreaming = false
  private var nextReview: Double?

  /// When to look at the plan again that began at `since`, if nothing else happens before.
  func deadline(since: Double) -> Double {
    let first = since + (isStreaming ? Self.streamSeconds : Self.firstSeconds)
    return min(max(first, nextReview ?? first), since + Self.longestSeconds)
  }

  /// Whether the plan is to be carried out now. `census` counts its pages, and those of them
  /// that are known to be elsewhere; it is asked only when it matters.
  mutating func isOver(
    since: Double, now: Double, census: () -> (pages: Int, found: Int)
  ) -> Bool {
    if now < deadline(since: since) { return false }
    if now >= since + Self.longestSeconds {
      nextReview = nil
      return true
    }
    let (pages, found) = census()
    isStreaming = found * Self.movingShare <= pages
    nextReview = isStreaming ? nil : now + Self.reviewSeconds
    return isStreaming
  }
}
