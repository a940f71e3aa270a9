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
  /// The pages that were asked for, and others with the name of one of them.
  private var asked = NameTable()
  private var followers: [UInt64: [Int]] = [:]

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

  /// Notes that pages of a segment are asked for; gives those that have to be. The others follow
  /// one of the same name that is on its way, if they may.
  mutating func ask(
    _ pages: PageSet, of segment: Int, name: (Int) -> UInt64, mayFollow: (Int) -> Bool
  ) -> PageSet {
    let first = segment * Geometry.pagesPerSegment
    var result = PageSet()
    for page in pages
    where ask(first + page, name: name(page), mayFollow: mayFollow(first + page)) {
      result[page] = true
    }
    return result
  }

  /// Notes that a page is asked for. False when another of that name is on its way and it
  /// may follow that one: then it must not be asked for.
  mutating func ask(_ page: Int, name: UInt64, mayFollow: Bool) -> Bool {
    if mayFollow && asked.insert(page, named: name) != nil {
      followers[name, default: []].append(page)
      return false
    }
    outstandingCount += 1
    return true
  }

  /// Pages of a segment that were asked for have come; gives those that others follow.
  mutating func arrived(
    _ pages: PageSet, of segment: Int, name: (Int) -> UInt64
  ) -> [(page: Int, followers: [Int])] {
    let first = segment * Geometry.pagesPerSegment
    var result: [(page: Int, followers: [Int])] = []
    for page in pages {
      let followers = arrived(first + page, name: name(page))
      if !followers.isEmpty { result.append((page, followers)) }
    }
    return result
  }

  /// A page that was asked for has come; gives those that follow it.
  mutating func arrived(_ page: Int, name: UInt64) -> [Int] {
    outstandingCount -= 1
    guard asked.remove(page, named: name), !followers.isEmpty else { return [] }
    return followers.removeValue(forKey: name) ?? []
  }
}
