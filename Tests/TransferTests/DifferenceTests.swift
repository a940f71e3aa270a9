// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@testable import Transfer

@Suite struct DifferenceTests {
  @Test func pagesAreCountedByTheirLength() {
    let shape = ImageShape(byteCount: 3 * 4096 + 5)
    var difference = Difference()
    #expect(difference.first == nil && difference.byteCount == 0)
    difference.add(page: 3, shape: shape)
    #expect(difference.first == 3 * 4096 && difference.byteCount == 5)
    difference.add(page: 1, shape: shape)
    #expect(difference.first == 4096 && difference.byteCount == 4101)
  }

  @Test func severalAreOne() {
    let shape = ImageShape(byteCount: 1 << 20)
    var one = Difference()
    var other = Difference()
    one.add(page: 7, shape: shape)
    one.add(other)
    #expect(one.first == 7 * 4096)
    other.add(page: 2, shape: shape)
    one.add(other)
    #expect(one.first == 2 * 4096 && one.byteCount == 8192)
    var empty = Difference()
    empty.add(one)
    #expect(empty == one)
  }
}
