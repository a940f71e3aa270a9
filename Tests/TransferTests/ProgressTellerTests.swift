// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Transfer

@Suite struct ProgressTellerTests {
  @Test func theCountersAreToldNowAndThen() throws {
    let line = Line()
    let connection = Connection(line.near)
    let counters = Counters()
    counters.set(.scanned, to: 7)
    let teller = ProgressTeller(connection, counters: counters, milliseconds: 5)
    let peer = Peer(line.far)
    for _ in 0..<3 { #expect(try peer.hear() == .progress(ProgressCounters(scanned: 7))) }
    teller.stop()
    connection.stop()
    while let message = try peer.hear() { #expect(message.type == .progress) }
  }

  @Test func neverIsNever() throws {
    let line = Line()
    let connection = Connection(line.near)
    let teller = ProgressTeller(connection, counters: Counters(), milliseconds: 0)
    Clock.sleep(seconds: 0.02)
    teller.stop()
    connection.stop()
    #expect(try Peer(line.far).hear() == nil)
  }

  @Test func anEndThatDoesNotListenIsToldNoMore() throws {
    let line = Line()
    let counters = Counters()
    let connection = Connection(line.near, counters: counters)
    let frame = Pages.content(256).data([WantedPages(0, Array(0..<256))])
    // The line is full, and these wait in the queue.
    for _ in 0..<3 { _ = connection.sendBulk(frame) }
    let teller = ProgressTeller(connection, counters: counters, milliseconds: 1)
    Clock.sleep(seconds: 0.2)
    teller.stop()
    let peer = Peer(line.far)
    var messages: [MessageType] = []
    let listening = Watchdog.Running("stopping") { connection.stop() }
    while let message = try peer.hear() { messages.append(message.type) }
    try listening.value()
    #expect(messages.count { $0 == .data } == 3)
    #expect(messages.count { $0 == .progress } <= 2)
  }

  @Test func onlyTheTargetIsBelieved() {
    let counters = Counters()
    let told = ProgressCounters(scanned: 1, equal: 2, zero: 3, found: 4, wanted: 5, received: 6)
    counters.take(told, from: .source)
    #expect(counters.snapshot == Counters.Snapshot())
    counters.take(told, from: .target)
    var expected = Counters.Snapshot()
    (expected.equal, expected.zero, expected.found) = (2, 3, 4)
    (expected.wanted, expected.sent) = (5, 6)
    #expect(counters.snapshot == expected)
  }

  @Test func noFigureOfAPeerLeavesTheRangeOfSums() {
    let counters = Counters()
    let told = ProgressCounters(
      scanned: .max, equal: .max, zero: .max, found: .max, wanted: .max, received: .max,
      written: .max, verified: .max)
    counters.take(told, from: .target)
    let now = counters.snapshot
    #expect(now.equal + now.zero + now.found + now.wanted + now.sent <= UInt64.max / 2)
    #expect(counters.forTheOtherEnd.written == now.sent + now.found)
  }
}
