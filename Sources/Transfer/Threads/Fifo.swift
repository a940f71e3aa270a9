// SPDX-License-Identifier: Apache-2.0

/// Items in the order in which they came, each taken at constant cost.
struct Fifo<Item> {
  /// Taken items are nil, so that nothing large is kept alive behind `head`.
  private var items: [Item?] = []
  private var head = 0

  private static var compactingCount: Int { 64 }

  var count: Int { items.count - head }
  var isEmpty: Bool { count == 0 }
  var first: Item? { isEmpty ? nil : items[head] }

  mutating func append(_ item: Item) {
    items.append(item)
  }

  mutating func popFirst() -> Item? {
    guard head < items.count else { return nil }
    let item = items[head]
    items[head] = nil
    head += 1
    if head == items.count {
      items.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= Self.compactingCount && head * 2 >= items.count {
      items.removeFirst(head)
      head = 0
    }
    return item
  }
}
