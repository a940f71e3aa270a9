// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite struct PatienceTests {
  /// When a plan that began at 0 is carried out, looked at as often as it asks for.
  private static func end(
    _ patience: inout Patience, since start: Double = 0, pages: Int, found: Int
  ) -> Double {
    var now = start
    for _ in 0..<1000 {
      now = max(now, patience.deadline(since: start))
      let isOver = patience.isOver(since: start, now: now) { (pages, found) }
      if isOver { return now - start }
    }
    return .infinity
  }

  @Test(arguments: [
    (100, 0, 1.0), (100, 5, 1.0), (100, 6, 30.0), (100, 100, 30.0), (0, 0, 1.0), (19, 1, 30.0),
  ])
  func whatMovesIsHeld(pages: Int, found: Int, seconds: Double) {
    var patience = Patience()
    #expect(Self.end(&patience, pages: pages, found: found) == seconds)
  }

  @Test func nothingIsOverTooEarly() {
    var patience = Patience()
    var asked = false
    let isOver = patience.isOver(since: 10, now: 10.999) {
      asked = true
      return (1, 0)
    }
    #expect(!isOver && !asked)
  }

  @Test func whatStreamsGoesOnAtOnce() {
    var patience = Patience()
    #expect(Self.end(&patience, pages: 100, found: 0) == 1)
    let second = Self.end(&patience, since: 1, pages: 100, found: 0)
    #expect((0.09...0.11).contains(second))
    // Content that begins to move is held again.
    #expect(Self.end(&patience, since: 50, pages: 100, found: 100) == 30)
    #expect(Self.end(&patience, since: 90, pages: 100, found: 100) == 30)
  }
}
