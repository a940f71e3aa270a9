// SPDX-License-Identifier: Apache-2.0

/// Pages by their short names: what a dictionary would do, in a quarter of its time, because
/// it is looked into twice for every page that crosses the wire.
///
/// Open addressing with linear probing, at most half full. A peer chooses the names, but not the
/// secret that says where they go.
struct NameTable {
  private struct Slot {
    var name: UInt64 = 0
    /// Negative where there is none.
    var page = -1
  }

  private var slots = [Slot](repeating: Slot(), count: NameTable.leastSlotCount)
  private(set) var count = 0
  private let secret = UInt64.random(in: 0...UInt64.max) | 1

  private static let leastSlotCount = 1 << 10

  /// The page that has the name already; otherwise it is given to `page`.
  mutating func insert(_ page: Int, named name: UInt64) -> Int? {
    let index = slot(of: name)
    if slots[index].page >= 0 { return slots[index].page }
    slots[index] = Slot(name: name, page: page)
    count += 1
    if count * 2 > slots.count { grow() }
    return nil
  }

  /// Takes the name away from this page; false when it is not its.
  mutating func remove(_ page: Int, named name: UInt64) -> Bool {
    let index = slot(of: name)
    guard slots[index].page == page else { return false }
    count -= 1
    close(index)
    return true
  }

  /// Where the name is, or would be put.
  private func slot(of name: UInt64) -> Int {
    var index = home(of: name)
    while slots[index].page >= 0 && slots[index].name != name {
      index = (index + 1) & (slots.count - 1)
    }
    return index
  }

  private func home(of name: UInt64) -> Int {
    let product = name.multipliedFullWidth(by: secret)
    return Int(truncatingIfNeeded: product.high ^ product.low >> 32) & (slots.count - 1)
  }

  /// Empties a slot: what would not be found behind a gap moves into it.
  private mutating func close(_ gap: Int) {
    let mask = slots.count - 1
    var gap = gap
    var index = gap
    slots[gap] = Slot()
    while true {
      index = (index + 1) & mask
      if slots[index].page < 0 { return }
      let distance = (index - home(of: slots[index].name)) & mask
      if distance >= (index - gap) & mask {
        slots.swapAt(gap, index)
        gap = index
      }
    }
  }

  private mutating func grow() {
    let old = slots
    slots = [Slot](repeating: Slot(), count: old.count * 2)
    for taken in old where taken.page >= 0 { slots[slot(of: taken.name)] = taken }
  }
}
