// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// Chooses at random, and evenly, some of all pieces that a copy would ask for, of which there is
/// no knowing beforehand how many come. A piece is what is wanted of a quarter of a segment:
/// neighbours shrink better together, and many small places tell more than few large ones.
struct SampleChoice {
  private(set) var pieces: [WantedPages] = []
  private var seenCount = 0

  private static let piecesPerSegment = 4

  mutating func add(_ pages: PageSet, of segment: Int) {
    for part in 0..<Self.piecesPerSegment {
      var words = SIMD4<UInt64>()
      words[part] = pages.words[part]
      if words[part] != 0 { add(WantedPages(segment: segment, pages: PageSet(words: words))) }
    }
  }

  /// Each piece that has come is in the sample with the same chance.
  private mutating func add(_ piece: WantedPages) {
    seenCount += 1
    if pieces.count < WireLimits.sampleCount {
      pieces.append(piece)
    } else {
      let place = Int.random(in: 0..<seenCount)
      if place < pieces.count { pieces[place] = piece }
    }
  }
}
