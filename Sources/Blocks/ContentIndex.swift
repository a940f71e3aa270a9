// SPDX-License-Identifier: Apache-2.0

/// Where content with a given name was seen: a map from a page's short name to a location,
/// within a fixed amount of memory.
///
/// What it says is a hint. The place may have been overwritten since, or two pages may share
/// a name: whoever uses a location reads it and compares digests. So nothing is lost when an
/// entry is dropped except the bytes that are then sent.
///
/// It is a table with open addressing, 16 bytes an entry, that doubles in place until another
/// doubling would exceed the budget. From then on it samples by value: it keeps the names
/// whose lowest bits are zero, one bit more each time that it is full. Names are digests, so
/// each further bit halves them; and content moves in runs, so that one page that is found
/// leads to its neighbours.
///
/// The caller sees to it that one thread at a time uses it.
package struct ContentIndex: ~Copyable {
  /// How many slots are looked at before the search is given up. Chance does not make clusters
  /// this long in a table that is three quarters full; only names made for the purpose do.
  static let maximumProbeCount = 1024
  private static let smallestSlotCount = 256

  private let table: IndexTable
  /// A name is kept when none of these bits is set in it.
  private var sampleMask: UInt64 = 0
  /// In the table an empty slot has the name 0, so what really has that name lives here.
  private var locationOfNameZero: UInt64?
  private var occupied = 0

  /// An index that never takes more memory than said, not even while it grows. With less than
  /// 4096 bytes it stays empty.
  package init(memoryByteCount: Int) {
    table = IndexTable(
      maximumByteCount: memoryByteCount, smallestSlotCount: Self.smallestSlotCount)
  }

  package var count: Int { occupied + (locationOfNameZero == nil ? 0 : 1) }

  /// How much memory the table takes now.
  package var memoryByteCount: Int { table.slotCount * IndexTable.slotByteCount }

  /// Whether it holds only some of what was inserted.
  package var isSampled: Bool { sampleMask != 0 }

  /// How many of a name's lowest bits must be zero for it to be kept.
  package var sampleBitCount: Int { sampleMask.nonzeroBitCount }

  /// Remembers where a name is, unless it is known already: the first location wins.
  package mutating func insert(name: UInt64, location: UInt64) {
    guard table.slotCount > 0, name & sampleMask == 0 else { return }
    guard name != 0 else {
      locationOfNameZero = locationOfNameZero ?? location
      return
    }
    guard table.insert(name: name, location: location) else { return }
    occupied += 1
    if isFull { makeRoom() }
  }

  /// Where content of this name was seen first, if it was and is remembered.
  package func location(of name: UInt64) -> UInt64? {
    guard name & sampleMask == 0 else { return nil }
    return name == 0 ? locationOfNameZero : table.location(of: name)
  }

  /// Searches stay short as long as a quarter of the slots is empty.
  private var isFull: Bool { occupied >= table.slotCount / 4 * 3 }

  private mutating func makeRoom() {
    if table.canDouble {
      occupied = table.rearrange(isDoubling: true, keeping: sampleMask)
      return
    }
    // One more bit halves it, unless its names were chosen by someone: then until it does.
    while isFull {
      sampleMask = sampleMask << 1 | 1
      occupied = table.rearrange(isDoubling: false, keeping: sampleMask)
    }
  }
}
