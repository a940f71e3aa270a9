// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite struct NameTableTests {
  /// Few names, so that most changes meet others; and many, so that it grows.
  @Test(arguments: [40, 5000])
  func itDoesWhatADictionaryDoes(_ nameCount: Int) {
    var random = SystemRandomNumberGenerator()
    let names = (0..<nameCount).map { _ in random.next() }
    var table = NameTable()
    var model: [UInt64: Int] = [:]
    for page in 0..<40_000 {
      let name = names[Int.random(in: 0..<nameCount, using: &random)]
      if Bool.random(using: &random) {
        let known = table.insert(page, named: name)
        #expect(known == model[name])
        if known == nil { model[name] = page }
      } else {
        let owner = model[name] ?? page
        let isRemoved = table.remove(owner, named: name)
        #expect(isRemoved == (model.removeValue(forKey: name) != nil))
      }
      #expect(table.count == model.count)
    }
    for (name, page) in model {
      let isStrangers = table.remove(page + 1, named: name)
      let isRemoved = table.remove(page, named: name)
      #expect(!isStrangers && isRemoved)
    }
    #expect(table.count == 0)
  }

  /// What a peer chooses: zero, neighbours, and names that differ in their highest bits only.
  @Test func anyNameIsGood() {
    var table = NameTable()
    let names = (0..<4095).flatMap { [UInt64($0), UInt64($0 + 1) << 52] }
    for (page, name) in names.enumerated() {
      let known = table.insert(page, named: name)
      #expect(known == nil)
    }
    for (page, name) in names.enumerated() {
      let isRemoved = table.remove(page, named: name)
      #expect(isRemoved)
    }
    #expect(table.count == 0)
  }
}
