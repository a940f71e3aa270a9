// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// The pages that have to come from the source: those that wait to be asked for, and those that
/// are on their way.
///
/// So many are on their way that no link runs dry within a round trip, and no more, because the
/// source remembers them. A page whose twin is on its way is not asked for: it follows.
struct AskQueue {
  private var waiting: [WantedPages] = []
  private var head = 0
  private(set) var outstandingCount = 0
  /// By short name, the page that was asked for.
  private var asked: [UInt64: Int] = [:]
  /// By page that was asked for, the pages with the same name.
  private var followers: [Int: [Int]] = [:]

  var isEmpty: Bool { head == waiting.count && outstandingCount == 0 }

  /// Adds pages that no place at the target's end has; `pages` ascend.
  mutating func append(_ pages: [Int]) {
    var current: WantedPages?
    for page in pages {
      let segment = page / Geometry.pagesPerSegment
      if current?.segment != segment {
        if let current { waiting.append(current) }
        current = WantedPages(segment: segment, pages: PageSet())
      }
      current?.pages[page % Geometry.pagesPerSegment] = true
    }
    if let current { waiting.append(current) }
  }

  /// The next pages to be asked for, or nil when enough are on their way.
  mutating func next() -> WantedPages? {
    guard head < waiting.count,
      outstandingCount + waiting[head].pages.count <= WireLimits.outstandingPageCount
    else { return nil }
    defer {
      head += 1
      if head == waiting.count {
        waiting.removeAll(keepingCapacity: true)
        head = 0
      } else if head >= 4096 && head * 2 >= waiting.count {
        waiting.removeFirst(head)
        head = 0
      }
    }
    return waiting[head]
  }

  /// Notes that a page is asked for. False when another of that name is on its way and it
  /// may follow that one: then it must not be asked for.
  mutating func ask(_ page: Int, name: UInt64, mayFollow: Bool) -> Bool {
    if mayFollow {
      if let twin = asked[name] {
        followers[twin, default: []].append(page)
        return false
      }
      asked[name] = page
    }
    outstandingCount += 1
    return true
  }

  /// A page that was asked for has come; gives those that follow it.
  mutating func arrived(_ page: Int, name: UInt64) -> [Int] {
    outstandingCount -= 1
    guard asked[name] == page else { return [] }
    asked[name] = nil
    return followers.removeValue(forKey: page) ?? []
  }
}
