// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite struct BoundedQueueTests {
  @Test func itemsComeOutInTheirOrder() {
    let queue = BoundedQueue<Int>(capacity: 1000)
    for item in 0..<500 { queue.put(item) }
    #expect(queue.count == 500)
    #expect((0..<300).map { _ in queue.takeNow() } == (0..<300).map { $0 })
    for item in 500..<700 { queue.put(item) }
    #expect((300..<700).map { _ in queue.takeNow() } == (300..<700).map { $0 })
    #expect(queue.takeNow() == nil)
    #expect(queue.isEmpty && queue.count == 0)
  }

  @Test func aProducerWaitsForRoom() throws {
    let queue = BoundedQueue<Int>(capacity: 10)
    queue.put(1, weight: 6)
    let producer = Watchdog.Running("the producer") {
      queue.put(2, weight: 5)
      return queue.put(3, weight: 5)
    }
    Clock.sleep(seconds: 0.05)
    #expect(queue.count == 1)
    #expect(queue.take() == 1)
    #expect(try producer.value())
    #expect(queue.count == 2)
  }

  @Test func anEmptyQueueTakesWhatIsTooLarge() throws {
    let queue = BoundedQueue<Int>(capacity: 10)
    #expect(try Watchdog.run { queue.put(1, weight: 100) })
    #expect(!queue.hasRoom(for: 1))
    #expect(try Watchdog.run { queue.put(2, weight: 100, waits: false) })
    #expect(queue.count == 2)
  }

  @Test(arguments: [(0, 11, true), (1, 9, true), (1, 10, false), (10, 1, false)])
  func roomIsWhatAPutWouldNotWaitFor(taken: Int, weight: Int, hasRoom: Bool) {
    let queue = BoundedQueue<Int>(capacity: 10)
    if taken > 0 { queue.put(0, weight: taken) }
    #expect(queue.hasRoom(for: weight) == hasRoom)
  }

  @Test func closingLetsTheRestOut() {
    let queue = BoundedQueue<Int>(capacity: 10)
    queue.put(1)
    queue.close()
    #expect(!queue.put(2))
    #expect(queue.take() == 1)
    #expect(queue.take() == nil)
    guard case .closed = queue.take(seconds: 1) else {
      Issue.record("a closed queue has nothing to wait for")
      return
    }
  }

  @Test func abandoningForgetsTheRestAndWakesEverybody() throws {
    let queue = BoundedQueue<Int>(capacity: 1)
    queue.put(1)
    let producer = Watchdog.Running("the producer") { queue.put(2) }
    let empty = BoundedQueue<Int>(capacity: 1)
    let consumer = Watchdog.Running("the consumer") { empty.take() }
    queue.abandon()
    empty.abandon()
    #expect(try !producer.value())
    #expect(try consumer.value() == nil)
    #expect(queue.take() == nil)
  }

  @Test func waitingForAnItemEnds() {
    let queue = BoundedQueue<Int>(capacity: 1)
    guard case .nothingYet = queue.take(seconds: 0.01) else {
      Issue.record("there was an item in an empty queue")
      return
    }
    queue.put(7)
    guard case .item(7) = queue.take(seconds: 10) else {
      Issue.record("the item was not there")
      return
    }
  }

  @Test func nothingIsLostBetweenManyThreads() throws {
    let queue = BoundedQueue<Int>(capacity: 8)
    let producers = (0..<3).map { number in
      Watchdog.Running("a producer") { for item in 0..<500 { queue.put(number * 500 + item) } }
    }
    let consumers = (0..<2).map { _ in
      Watchdog.Running("a consumer") {
        var sum = 0
        while let item = queue.take() { sum += item }
        return sum
      }
    }
    for producer in producers { try producer.value() }
    queue.close()
    #expect(try consumers.map { try $0.value() }.reduce(0, +) == 1500 * 1499 / 2)
  }
}
