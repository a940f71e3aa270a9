// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import blkmove

@Test func theTableHasEachNameOnce() {
  let names = FlagTable.all.flatMap(\.longNames)
  #expect(Set(names).count == names.count)
  let letters = FlagTable.all.compactMap(\.short)
  #expect(Set(letters).count == letters.count)
}
