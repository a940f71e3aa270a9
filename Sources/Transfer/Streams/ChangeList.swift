// SPDX-License-Identifier: Apache-2.0

import Blocks

/// Which segments a delta will give, and of these which groups: eight bytes a segment, and
/// sixteen a run of zeros. It is what a delta remembers between looking and giving.
struct ChangeList {
  enum Change: Equatable {
    case zeros(Range<Int>)
    case groups(GroupSet, of: Int)
  }

  /// A segment's number above its groups; with no groups it begins a run of zeros, whose end
  /// follows.
  private var words: [UInt64] = []
  private var zeros = 0..<0

  private static let groupBits: UInt64 = 16

  var isEmpty: Bool { words.isEmpty && zeros.isEmpty }

  mutating func append(zeros range: Range<Int>) {
    if range.isEmpty { return }
    if !zeros.isEmpty, zeros.upperBound == range.lowerBound {
      zeros = zeros.lowerBound..<range.upperBound
    } else {
      flush()
      zeros = range
    }
  }

  mutating func append(_ groups: GroupSet, of segment: Int) {
    precondition(!groups.isEmpty, "nothing changes")
    flush()
    words.append(UInt64(segment) << Self.groupBits | UInt64(groups.rawValue))
  }

  /// Gives all of them, in order.
  mutating func forEach(_ body: (Change) throws(TransferError) -> Void) throws(TransferError) {
    flush()
    var index = 0
    while index < words.count {
      let word = words[index]
      let segment = Int(word >> Self.groupBits)
      let groups = GroupSet(rawValue: UInt16(truncatingIfNeeded: word))
      index += 1
      if groups.isEmpty {
        try body(.zeros(segment..<Int(words[index])))
        index += 1
      } else {
        try body(.groups(groups, of: segment))
      }
    }
  }

  private mutating func flush() {
    if zeros.isEmpty { return }
    words.append(UInt64(zeros.lowerBound) << Self.groupBits)
    words.append(UInt64(zeros.upperBound))
    zeros = 0..<0
  }
}
