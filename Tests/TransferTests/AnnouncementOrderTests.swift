// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

/// Which announcements of a source are taken. That one came before the scan did can be tried only
/// here: in a conversation the scan may always be faster.
@Suite struct AnnouncementOrderTests {
  @Test func ascendingOnesAreTaken() throws {
    var order = AnnouncementOrder()
    try order.advance(to: 0, past: 3, told: 3)
    try order.advance(to: 3, past: 3, told: 3)
    try order.advance(to: 5, past: 6, told: 6)
  }

  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var segment: Int
    var end: Int
    var sentence: String
  }

  static let refused = [
    Case(testDescription: "back", segment: 1, end: 4, sentence: "announced out of order"),
    Case(testDescription: "inside out", segment: 5, end: 4, sentence: "announced out of order"),
    Case(testDescription: "not told", segment: 2, end: 7, sentence: "before the target told"),
    Case(testDescription: "far off", segment: 9, end: 10, sentence: "before the target told"),
  ]

  @Test(arguments: refused)
  func otherOnesAreABreach(test: Case) throws {
    var order = AnnouncementOrder()
    try order.advance(to: 0, past: 2, told: 6)
    let error = #expect(throws: TransferError.self) {
      try order.advance(to: test.segment, past: test.end, told: 6)
    }
    #expect(error?.sentence.contains(test.sentence) == true)
    #expect(error?.status == .remote)
  }
}
