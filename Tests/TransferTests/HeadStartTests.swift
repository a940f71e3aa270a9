// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Testing

@testable import Transfer

@Suite(.timeLimit(.minutes(1))) struct HeadStartTests {
  @Test func theScanHasBegunAndIsGivenOnce() throws {
    let image = MemoryImage(Pages.content(256 * 100))
    let shape = ImageShape(byteCount: image.byteCount)
    let headStart = HeadStart(image, threadCount: 2)
    defer { headStart.stop() }
    // Nobody has asked for anything yet.
    while image.readRanges.count < 100 { Clock.sleep(seconds: 0.001) }
    let scan = try #require(headStart.take(for: shape))
    defer { scan.finish() }
    var segmentCount = 0
    while try scan.next() != nil { segmentCount += 1 }
    #expect(segmentCount == 100)
    #expect(headStart.take(for: shape) == nil)
  }

  /// Where only a part is compared the scan of the whole is of no use.
  @Test func anotherShapeGetsNone() {
    let image = MemoryImage(Pages.content(300))
    let headStart = HeadStart(image, threadCount: 1)
    #expect(headStart.take(for: ImageShape(byteCount: 4096)) == nil)
    headStart.stop()
  }

  @Test func whatNobodyTakesIsEnded() {
    let headStart = HeadStart(MemoryImage(Pages.content(256 * 10)), threadCount: 1)
    headStart.stop()
    headStart.stop()
  }
}
