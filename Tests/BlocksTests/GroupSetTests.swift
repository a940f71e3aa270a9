// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct GroupSetTests {
  @Test func isItsBits() {
    for bits in stride(from: 0, through: 0xffff, by: 23) {
      let set = GroupSet(rawValue: UInt16(bits))
      let groups = (0..<16).filter { bits >> $0 & 1 == 1 }
      #expect(set.rawValue == UInt16(bits))
      #expect(Array(set) == groups)
      #expect(set.count == groups.count)
      #expect(set.isEmpty == groups.isEmpty)
      #expect((0..<16).allSatisfy { set[$0] == groups.contains($0) })
    }
  }

  @Test func firstGroups() {
    for count in 0...16 { #expect(Array(GroupSet(firstGroups: count)) == Array(0..<count)) }
  }

  @Test func combines() {
    let (left, right) = (GroupSet(rawValue: 0b1100), GroupSet(rawValue: 0b1010))
    #expect(left.union(right).rawValue == 0b1110)
    #expect(left.intersection(right).rawValue == 0b1000)
    #expect(left.subtracting(right).rawValue == 0b0100)
    #expect(!left.isSubset(of: right))
    #expect(left.isSubset(of: left.union(right)))
  }

  @Test func groupsAreSetAndCleared() {
    var set = GroupSet()
    for group in 0..<16 { set[group] = true }
    #expect(set.rawValue == 0xffff)
    for group in 0..<15 { set[group] = false }
    #expect(set.rawValue == 0x8000)
  }

  @Test func refusesGroupsThatAreNotThere() async {
    await #expect(processExitsWith: .failure) { _ = GroupSet()[16] }
    await #expect(processExitsWith: .failure) { _ = GroupSet(firstGroups: 17) }
  }
}
