// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@testable import Transfer

@Suite struct SampleChoiceTests {
  @Test func allOfLittleIsTaken() {
    var choice = SampleChoice()
    var pages = PageSet(firstPages: 70)
    choice.add(pages, of: 3)
    choice.add(PageSet(), of: 4)
    pages = PageSet(firstPages: 256)
    choice.add(pages, of: 5)
    #expect(choice.pieces.map(\.segment) == [3, 3, 5, 5, 5, 5])
    #expect(choice.pieces.map(\.pages.count) == [64, 6, 64, 64, 64, 64])
  }

  /// What comes late is as likely as what comes early.
  @Test func ofMuchSomeIsTakenEvenly() {
    var halves = [0, 0]
    for _ in 0..<25 {
      var choice = SampleChoice()
      for segment in 0..<2000 { choice.add(PageSet(firstPages: 9), of: segment) }
      #expect(choice.pieces.count == WireLimits.sampleCount)
      #expect(Set(choice.pieces.map(\.segment)).count == WireLimits.sampleCount)
      for piece in choice.pieces { halves[piece.segment / 1000] += 1 }
    }
    // 3200 of 6400 are expected, and 40 is the standard deviation.
    #expect((2900...3500).contains(halves[0]), "\(halves)")
  }
}
