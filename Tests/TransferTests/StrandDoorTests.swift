// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing
import Wire

@testable import Transfer

/// The server's side of joining, with the client's end of each further connection in the same
/// process.
@Suite struct StrandDoorTests {
  /// A door, and who has come in.
  private final class House: Sendable {
    let door = StrandDoor(pace: Pace(), counters: Counters())
    let guests = Monitor<[(strand: Strand, number: Int)]>([])

    func open(_ count: Int) throws(TransferError) -> Invitation {
      try door.open(for: count) { [guests] strand, _, number in
        guests.update { $0.append((strand, number)) }
        return true
      }
    }

    func numbers(_ count: Int) -> [Int]? {
      guests.wait(seconds: 10) { $0.count >= count ? $0.map(\.number).sorted() : nil }
    }

    deinit { door.close() }
  }

  /// Joins as a remote shell's process and its client would: what the client's end got.
  private static func join(
    _ invitation: Invitation, token: JoinToken? = nil, seconds: Double = 10
  ) throws -> (number: Int, strand: Strand, server: Int32)? {
    let line = Line()
    let server = try StrandMember.handOver(
      input: line.far.input, output: line.far.output, to: invitation.name)
    close(line.far.input)
    close(line.far.output)
    let strand = try #require(Strand(input: line.near.input, output: line.near.output))
    let greeting = StrandGreeting.join(
      token ?? invitation.token, on: strand, pace: Pace(), counters: Counters(),
      seconds: seconds)
    guard let greeting else {
      close(server)
      return nil
    }
    return (greeting.number, strand, server)
  }

  private static func isClosed(_ socket: Int32) -> Bool {
    var waited = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    var byte: UInt8 = 0
    return poll(&waited, 1, 10_000) > 0 && read(socket, &byte, 1) == 0
  }

  @Test func whoIsInvitedComesIn() throws {
    let house = House()
    let invitation = try house.open(2)
    #expect(invitation.name.count == 32 && Invitation.isName(invitation.name))
    let first = try #require(try Self.join(invitation))
    let second = try #require(try Self.join(invitation))
    #expect(house.numbers(2) == [1, 2] && first.number == 1 && second.number == 2)
    // The process that joined stays as long as its connection is used, and no longer.
    house.guests.update { $0 = [] }
    #expect(Self.isClosed(first.server) && Self.isClosed(second.server))
    for guest in [first, second] { close(guest.server) }
  }

  @Test func noMoreThanWereAskedFor() throws {
    let house = House()
    let invitation = try house.open(1)
    let first = try #require(try Self.join(invitation))
    #expect(try Self.join(invitation) == nil)
    // The same door serves a later wish.
    #expect(try house.open(1) == invitation)
    let second = try #require(try Self.join(invitation))
    #expect(second.number == 2)
    for guest in [first, second] { close(guest.server) }
  }

  @Test func tooManyWishesAreABreach() throws {
    let house = House()
    _ = try house.open(WireLimits.strandCount)
    #expect(throws: TransferError.self) { try house.open(1) }
    let other = House()
    #expect(throws: TransferError.self) { try other.open(WireLimits.strandCount + 1) }
  }

  @Test func aQuestionOpensNothing() throws {
    #expect(try House().open(0) == .none)
  }

  @Test func aWrongTokenGetsNoAnswer() throws {
    let house = House()
    let invitation = try house.open(1)
    let wrong = JoinToken(low: invitation.token.low ^ 1, high: invitation.token.high)
    #expect(try Self.join(invitation, token: wrong) == nil)
    // It has cost nobody's place.
    let right = try #require(try Self.join(invitation))
    #expect(right.number == 1)
    close(right.server)
  }

  @Test(arguments: [
    Array("GET / HTTP/1.1\r\n\r\n".utf8), WireLimits.magic + Message.agreed.encoded(),
    WireLimits.magic + [255, 255, 255, 255, 25], WireLimits.magic + [0, 0, 0, 0, 25], [],
  ])
  func garbageGetsNoAnswer(bytes: [UInt8]) throws {
    let house = House()
    let invitation = try house.open(1)
    let line = Line()
    let server = try StrandMember.handOver(
      input: line.far.input, output: line.far.output, to: invitation.name)
    for descriptor in [line.far.input, line.far.output] { close(descriptor) }
    let peer = Peer(line.near, saysMagic: false)
    peer.say(bytes)
    peer.hangUp()
    #expect(try peer.hear() == nil)
    #expect(Self.isClosed(server))
    close(server)
    #expect(house.guests.peek { $0.isEmpty })
  }

  @Test func afterTheRunNobodyComesIn() throws {
    let house = House()
    let invitation = try house.open(3)
    let first = try #require(try Self.join(invitation))
    house.door.close()
    close(first.server)
    var isOpen = true
    for _ in 0..<200 where isOpen {
      isOpen = (try? Self.join(invitation, seconds: 1)) != nil
      Clock.sleep(seconds: 0.01)
    }
    #expect(!isOpen)
    #expect(try house.open(1) == .none)
  }

  @Test(arguments: ["", "../run", "00FF", String(repeating: "0", count: 65), "0123"])
  func whatIsNoRunCannotBeJoined(name: String) {
    #expect(throws: TransferError.self) {
      try StrandMember.handOver(input: 0, output: 1, to: name)
    }
  }

  @Test func twoRunsHaveNothingInCommon() throws {
    let (one, other) = (try House().open(1), try House().open(1))
    #expect(one.name != other.name && one.token != other.token)
  }
}
