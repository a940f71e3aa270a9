// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@testable import Transfer

@Suite struct AskQueueTests {
  /// Takes the next question and asks all of its pages.
  private static func askNext(_ queue: inout AskQueue) -> WantedPages? {
    guard let wanted = queue.next() else { return nil }
    for page in wanted.pages {
      let number = wanted.segment * Geometry.pagesPerSegment + page
      _ = queue.ask(number, name: UInt64(number), mayFollow: true)
    }
    return wanted
  }

  @Test func pagesAreAskedForSegmentBySegment() {
    var queue = AskQueue()
    queue.append([1, 5, 255, 256, 600])
    queue.append([2])
    var asked: [WantedPages] = []
    while let wanted = Self.askNext(&queue) { asked.append(wanted) }
    #expect(
      asked == [
        WantedPages(0, [1, 5, 255]), WantedPages(1, [0]), WantedPages(2, [88]), WantedPages(0, [2]),
      ])
    #expect(queue.outstandingCount == 6 && !queue.isEmpty)
    for page in [1, 5, 255, 256, 600, 2] {
      let followers = queue.arrived(page, name: UInt64(page))
      #expect(followers.isEmpty)
    }
    #expect(queue.isEmpty)
  }

  @Test func soManyAreOnTheirWayAndNoMore() {
    let limit = WireLimits.outstandingPageCount
    var queue = AskQueue()
    queue.append(Array(0..<limit + 1))
    var asked = 0
    while let wanted = Self.askNext(&queue) { asked += wanted.pages.count }
    #expect(asked == limit && queue.outstandingCount == limit)
    _ = queue.arrived(0, name: 0)
    #expect(Self.askNext(&queue) == WantedPages(256, [0]))
    #expect(Self.askNext(&queue) == nil)
  }

  @Test func twinsFollow() {
    var queue = AskQueue()
    let answers = [
      queue.ask(10, name: 7, mayFollow: true), queue.ask(11, name: 7, mayFollow: true),
      queue.ask(12, name: 8, mayFollow: true), queue.ask(13, name: 7, mayFollow: true),
      queue.ask(14, name: 7, mayFollow: false),
    ]
    #expect(answers == [true, false, true, false, true])
    #expect(queue.outstandingCount == 3)
    // The short page has no followers, even if it is named alike.
    let arrivals = [
      queue.arrived(14, name: 7), queue.arrived(12, name: 8), queue.arrived(10, name: 7),
    ]
    #expect(arrivals == [[], [], [11, 13]])
    #expect(queue.isEmpty)
    // What has come is asked for anew by the next of that name.
    let again = queue.ask(15, name: 7, mayFollow: true)
    #expect(again)
  }

  @Test func aLongQueueIsForgottenAsItGoes() {
    var queue = AskQueue()
    for segment in 0..<20_000 { queue.append([segment * 256]) }
    for segment in 0..<20_000 {
      guard let wanted = Self.askNext(&queue), wanted.segment == segment else {
        Issue.record("segment \(segment) is lost")
        return
      }
      _ = queue.arrived(segment * 256, name: UInt64(segment * 256))
    }
    #expect(queue.isEmpty)
  }

  @Test func aSegmentAtOnceIsTheSameAsPageByPage() {
    var queue = AskQueue()
    var pages = PageSet(firstPages: 4)
    pages[255] = true
    // Page 2 has the content of page 0, and page 255 may not follow although it has it too.
    let name = { (page: Int) -> UInt64 in [0: 70, 1: 71, 2: 70, 3: 73, 255: 70][page]! }
    let asked = queue.ask(pages, of: 5, name: name) { $0 != 5 * 256 + 255 }
    #expect(Array(asked) == [0, 1, 3, 255])
    #expect(queue.outstandingCount == 4)
    let followed = queue.arrived(asked, of: 5, name: name)
    #expect(followed.map(\.page) == [0] && followed.map(\.followers) == [[5 * 256 + 2]])
    #expect(queue.isEmpty)
  }
}
