// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite struct FifoTests {
  @Test func itemsComeOutInTheirOrder() {
    var random = Random.printed()
    var fifo = Fifo<Int>()
    var (next, taken) = (0, 0)
    for _ in 0..<2000 {
      if random.chance(0.6) {
        fifo.append(next)
        next += 1
      } else if taken < next {
        #expect(fifo.first == taken)
        #expect(fifo.popFirst() == taken)
        taken += 1
      }
      #expect(fifo.count == next - taken && fifo.isEmpty == (next == taken))
    }
    while let item = fifo.popFirst() {
      #expect(item == taken)
      taken += 1
    }
    #expect(taken == next && fifo.first == nil && fifo.popFirst() == nil)
  }

  @Test func whatWasTakenIsLetGo() {
    final class Something {}
    var fifo = Fifo<Something>()
    var something: Something? = Something()
    weak let watched = something
    fifo.append(something!)
    fifo.append(Something())
    something = nil
    #expect(watched != nil)
    _ = fifo.popFirst()
    #expect(watched == nil)
  }
}
