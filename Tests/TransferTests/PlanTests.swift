// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@testable import Transfer

@Suite struct PlanTests {
  @Test func itKnowsSinceWhenItsFirstPartWaits() {
    var plan = Plan()
    #expect(plan.isEmpty && plan.since == nil)
    let start = Clock.now
    plan.add(PageSet(only: 7), of: 0)
    let since = plan.since
    #expect(since.map { $0 >= start && $0 <= Clock.now } == true)
    Clock.sleep(seconds: 0.002)
    plan.add(zero: 3..<5)
    plan.add(zeroPagesOf: 9)
    plan.add(PageSet(only: 8), of: 2)
    #expect(plan.since == since && !plan.isEmpty)
    #expect(plan.pages == [7, 520] && plan.zeroSegments == [3..<5])
    #expect(plan.segmentsWithZeroPages == [9])
  }

  @Test func zerosAloneAreAPlanToo() {
    var plan = Plan()
    plan.add(zero: 0..<1)
    #expect(!plan.isEmpty)
    var other = Plan()
    other.add(zeroPagesOf: 1)
    #expect(!other.isEmpty)
  }
}
