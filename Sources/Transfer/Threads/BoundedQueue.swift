// SPDX-License-Identifier: Apache-2.0

/// A queue between threads that holds items up to a total weight, so that a fast producer
/// waits for a slow consumer instead of filling the memory.
///
/// ## Concurrency
/// Any number of producers and consumers; all state lives in one `Monitor`.
package final class BoundedQueue<Item: Sendable>: Sendable {
  private struct State {
    /// Taken items are nil, so that nothing large is kept alive behind `head`.
    var items: [(item: Item?, weight: Int)] = []
    var head = 0
    var weight = 0
    var isClosed = false
  }

  private let capacity: Int
  private let monitor = Monitor(State())

  /// `capacity` is in the unit of the weights; one item always fits an empty queue.
  package init(capacity: Int) {
    self.capacity = capacity
  }

  /// Adds an item, waiting for room when `waits`. False when the queue was closed.
  @discardableResult
  package func put(_ item: Item, weight: Int = 1, waits: Bool = true) -> Bool {
    monitor.wait { state in
      if state.isClosed { return false }
      if waits && !self.hasRoom(state, for: weight) { return nil }
      state.items.append((item, weight))
      state.weight += weight
      return true
    }
  }

  /// The next item, or nil when the queue is closed and empty.
  package func take() -> Item? {
    monitor.wait { state -> Item?? in
      if let item = Self.pop(&state) { return .some(item) }
      return state.isClosed ? .some(nil) : nil
    }
  }

  /// The next item if there is one.
  package func takeNow() -> Item? {
    monitor.update { Self.pop(&$0) }
  }

  /// What `take(seconds:)` found.
  package enum Taken {
    case item(Item)
    case closed
    case nothingYet
  }

  package func take(seconds: Double) -> Taken {
    monitor.wait(seconds: seconds) { state -> Taken? in
      if let item = Self.pop(&state) { return .item(item) }
      return state.isClosed ? .closed : nil
    } ?? .nothingYet
  }

  package var count: Int { monitor.peek { $0.items.count - $0.head } }
  /// Of all items that wait.
  package var weight: Int { monitor.peek { $0.weight } }

  /// Whether a producer would not have to wait now: the consumer keeps up with it.
  package func hasRoom(for weight: Int) -> Bool {
    monitor.peek { self.hasRoom($0, for: weight) }
  }

  package var isEmpty: Bool { monitor.peek { $0.weight == 0 } }

  /// No more items come; what is queued is still taken.
  package func close() {
    monitor.update { $0.isClosed = true }
  }

  /// Closes and forgets what is queued.
  package func abandon() {
    monitor.update { state in
      state.isClosed = true
      state.items = []
      state.head = 0
      state.weight = 0
    }
  }

  private func hasRoom(_ state: borrowing State, for weight: Int) -> Bool {
    state.weight == 0 || state.weight + weight <= capacity
  }

  private static func pop(_ state: inout State) -> Item? {
    guard state.head < state.items.count else { return nil }
    let (item, weight) = state.items[state.head]
    state.items[state.head].item = nil
    state.head += 1
    state.weight -= weight
    if state.head == state.items.count {
      state.items.removeAll(keepingCapacity: true)
      state.head = 0
    } else if state.head >= 64 && state.head * 2 >= state.items.count {
      state.items.removeFirst(state.head)
      state.head = 0
    }
    return item
  }
}
