// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Transfer

@Suite struct OutboxTests {
  private static func parcel(_ number: UInt8, byteCount: Int = 4) -> Outbox.Parcel {
    Outbox.Parcel(frame: [UInt8](repeating: number, count: byteCount), pages: [])
  }

  @Test func theFirstConnectionKeepsTheOrder() {
    let outbox = Outbox(capacity: 100)
    outbox.put([1])
    _ = outbox.put(Self.parcel(2))
    outbox.put([3])
    outbox.put([4])
    _ = outbox.put(Self.parcel(5))
    #expect(!outbox.isEmpty)
    #expect((0..<5).map { _ in outbox.take()?.first } == [1, 2, 3, 4, 5])
    #expect(outbox.isEmpty && outbox.takeNow() == nil)
  }

  @Test func othersTakeParcelsOnly() {
    let outbox = Outbox(capacity: 100)
    outbox.put([1])
    _ = outbox.put(Self.parcel(2))
    outbox.put([3])
    #expect(outbox.takeParcel { .take }?.frame.first == 2)
    outbox.close()
    #expect(outbox.takeParcel { .take } == nil)
    #expect(outbox.takeParcel { .wait } == nil)
    #expect((0..<3).map { _ in outbox.take()?.first } == [1, 3, nil])
  }

  @Test func parcelsWaitForRoomAndMessagesDoNot() throws {
    let outbox = Outbox(capacity: 10)
    #expect(!outbox.put(Self.parcel(1, byteCount: 100)), "one always fits")
    let waiting = Watchdog.Running("the sender") { outbox.put(Self.parcel(2)) }
    try Watchdog.run { for _ in 0..<100 { outbox.put([0, 0, 0]) } }
    Clock.sleep(seconds: 0.05)
    #expect(outbox.takeParcel { .take }?.frame.first == 1)
    #expect(try waiting.value(), "it had to wait")
    #expect(!outbox.put(Self.parcel(3)))
  }

  @Test func aWishIsAskedAgainAfterANudge() throws {
    let outbox = Outbox(capacity: 10)
    let wish = Monitor(Outbox.Wish.wait)
    _ = outbox.put(Self.parcel(1))
    let taking = Watchdog.Running("the taker") {
      outbox.takeParcel { wish.peek { $0 } }?.frame.first
    }
    Clock.sleep(seconds: 0.05)
    wish.update { $0 = .take }
    outbox.nudge()
    #expect(try taking.value() == 1)
    let stopping = Watchdog.Running("the other") { outbox.takeParcel { wish.peek { $0 } } == nil }
    wish.update { $0 = .stop }
    outbox.nudge()
    #expect(try stopping.value())
  }

  @Test func whatIsAbandonedIsForgotten() throws {
    let outbox = Outbox(capacity: 10)
    _ = outbox.put(Self.parcel(1, byteCount: 100))
    outbox.put([2])
    let waiting = Watchdog.Running("the sender") { outbox.put(Self.parcel(3)) }
    Clock.sleep(seconds: 0.02)
    outbox.abandon()
    _ = try waiting.value()
    #expect(outbox.take() == nil && outbox.isEmpty)
    #expect(!outbox.put([4]) && outbox.take() == nil)
  }
}
