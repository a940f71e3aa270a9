// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite struct MonitorTests {
  @Test func aChangeWakesWhoWaitsForIt() throws {
    let monitor = Monitor(0)
    let waiting = Watchdog.Running("the waiter") { monitor.wait { $0 >= 3 ? $0 : nil } }
    for _ in 0..<3 { monitor.update { $0 += 1 } }
    #expect(try waiting.value() == 3)
  }

  @Test func whatAWaiterChangesWakesTheNext() throws {
    let monitor = Monitor(0)
    let waiters = (1...4).map { number in
      Watchdog.Running("waiter \(number)") {
        monitor.wait { state -> Int? in
          guard state == number - 1 else { return nil }
          state = number
          return number
        }
      }
    }
    #expect(try waiters.map { try $0.value() } == [1, 2, 3, 4])
  }

  @Test func waitingEndsWhenTheTimeIsOver() {
    let monitor = Monitor(0)
    let start = Clock.now
    #expect(monitor.wait(seconds: 0.05) { $0 > 0 ? $0 : nil } == nil)
    #expect((0.04..<5).contains(Clock.now - start))
  }

  @Test func whatIsChangedAtTheLastMomentWakesTheOthers() throws {
    let monitor = Monitor(0)
    let other = Watchdog.Running("the other waiter", seconds: 3) {
      monitor.wait { $0 == 2 ? $0 : nil }
    }
    // Nothing happens until the time is over; then the second look changes the state.
    let last = monitor.wait(seconds: 0.3) { state -> Int? in
      state += 1
      return state == 2 ? state : nil
    }
    #expect(last == 2)
    #expect(try other.value() == 2)
  }

  @Test func manyThreadsLoseNoChange() throws {
    let monitor = Monitor(0)
    let threads = (0..<4).map { _ in
      Watchdog.Running("a counting thread") {
        for _ in 0..<1000 { monitor.update { $0 += 1 } }
      }
    }
    for thread in threads { try thread.value() }
    #expect(monitor.peek { $0 } == 4000)
  }
}
