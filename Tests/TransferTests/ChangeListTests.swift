// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@testable import Transfer

@Suite struct ChangeListTests {
  @Test func itGivesBackWhatItWasGiven() throws {
    var list = ChangeList()
    #expect(list.isEmpty)
    list.append(zeros: 0..<0)
    #expect(list.isEmpty)
    list.append(GroupSet(rawValue: 1), of: 0)
    list.append(zeros: 1..<5)
    list.append(zeros: 5..<1 << 40)
    list.append(GroupSet(rawValue: 0xFFFF), of: (1 << 40) - 1)
    list.append(zeros: 7..<8)
    list.append(zeros: 9..<10)
    #expect(!list.isEmpty)
    var given: [ChangeList.Change] = []
    for _ in 0..<2 {
      given = []
      try list.forEach { given.append($0) }
    }
    #expect(
      given == [
        .groups(GroupSet(rawValue: 1), of: 0), .zeros(1..<1 << 40),
        .groups(GroupSet(rawValue: 0xFFFF), of: (1 << 40) - 1), .zeros(7..<8), .zeros(9..<10),
      ])
  }
}
