// SPDX-License-Identifier: Apache-2.0

/// Extends what a sampled index found to the pages beside it, because content moves in runs.
///
/// When the index is full it knows only one page in many. A page that it does not know, next to
/// one that it does, is probably next to it in the other place as well; whoever copies it checks
/// the digest, so that a wrong guess costs one read.
enum Neighbours {
  /// `locations` are the hints for `pages`, which ascend; `sampleBitCount` says that one name in
  /// 2^n is in the index.
  static func extend(
    _ locations: [PageLocation?], of pages: [Int], sampleBitCount: Int
  ) -> [PageLocation?] {
    guard sampleBitCount > 0 else { return locations }
    let reach = 2 << min(sampleBitCount, reachBitLimit)
    var result = locations
    guess(&result, locations, pages, positions: Array(pages.indices), reach: reach)
    guess(&result, locations, pages, positions: pages.indices.reversed(), reach: reach)
    return result
  }

  /// Guesses go at most this far from a hit, 2^n pages.
  private static let reachBitLimit = 12

  /// Walks one way from hit to hit and fills in what is unknown between them.
  private static func guess(
    _ result: inout [PageLocation?], _ hits: [PageLocation?], _ pages: [Int],
    positions: [Int], reach: Int
  ) {
    var last: (page: Int, location: PageLocation)?
    for position in positions {
      let page = pages[position]
      if let hit = hits[position] {
        last = (page, hit)
      } else if let known = last, abs(page - known.page) <= reach {
        result[position] = result[position] ?? known.location.moved(by: page - known.page)
      }
    }
  }
}
