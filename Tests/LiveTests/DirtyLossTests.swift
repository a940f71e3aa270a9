// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Live

struct DirtyLossTests {
  @Test func itSaysWhy() {
    #expect(DirtyLoss("events were dropped").reason == "events were dropped")
  }
}
