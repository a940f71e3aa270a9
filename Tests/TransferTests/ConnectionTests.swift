// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Testing
import Wire

@testable import Transfer

@Suite struct ConnectionTests {
  static let hello = Message.hello(Hello(program: "test"))

  /// What `receive` comes to when the other end says these bytes and nothing more.
  private static func hear(
    _ bytes: [UInt8], timeoutSeconds: Int? = nil
  ) throws -> Result<[Message], TransferError> {
    let line = Line()
    let peer = Peer(line.far, saysMagic: false)
    peer.say(bytes)
    peer.hangUp()
    return try Watchdog.run {
      let connection = Connection(line.near, timeoutSeconds: timeoutSeconds)
      defer { connection.stop() }
      var messages: [Message] = []
      do throws(TransferError) {
        while let message = try connection.receive() { messages.append(message) }
      } catch {
        return .failure(error)
      }
      return .success(messages)
    }
  }

  @Test func messagesComeAsTheyWereSent() throws {
    let messages = [Self.hello, .pass(PassStart(number: 2, isFull: true)), .agreed]
    let bytes = messages.reduce(WireLimits.magic) { $0 + $1.encoded() }
    #expect(try Self.hear(bytes) == .success(messages))
  }

  @Test func nobodyIsNoBrokenStream() throws {
    #expect(try Self.hear([]) == .success([]))
  }

  struct Broken: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var bytes: [UInt8]
    var sentence: String
  }

  static let broken = [
    Broken(testDescription: "text", bytes: Array("Welcome!".utf8), sentence: "Welcome"),
    Broken(
      testDescription: "half of the greeting", bytes: Array(WireLimits.magic.prefix(3)),
      sentence: "the greeting"),
    Broken(
      testDescription: "half of a header", bytes: WireLimits.magic + [1, 0, 0],
      sentence: "header"),
    Broken(
      testDescription: "half of a message",
      bytes: WireLimits.magic + hello.encoded().dropLast(), sentence: "payload"),
    Broken(
      testDescription: "an unknown type", bytes: WireLimits.magic + [0, 0, 0, 0, 77],
      sentence: "unknown type"),
    Broken(
      testDescription: "too long a message",
      bytes: WireLimits.magic + [255, 255, 255, 255, MessageType.data.rawValue],
      sentence: "payload"),
    Broken(
      testDescription: "a payload that means nothing",
      bytes: WireLimits.magic + [1, 0, 0, 0, MessageType.agreed.rawValue, 9],
      sentence: "1 more bytes"),
  ]

  @Test(arguments: broken)
  func whatIsBrokenIsRefused(test: Broken) throws {
    guard case .failure(let error) = try Self.hear(test.bytes) else {
      Issue.record("it was taken")
      return
    }
    #expect(error.end == .wire && error.status == .remote)
    #expect(error.sentence.contains(test.sentence), "\(error.sentence)")
  }

  @Test func whatDoesNotFitTheImageIsRefused() throws {
    let line = Line()
    let peer = Peer(line.far)
    peer.say(.position(3))
    let connection = Connection(line.near)
    defer { connection.stop() }
    connection.agree(on: ImageShape(byteCount: 2 << 20))
    let error = #expect(throws: TransferError.self) { try connection.receive() }
    #expect(error?.sentence.contains("position") == true)
  }

  @Test func silenceEndsTheWaiting() throws {
    let line = Line()
    let peer = Peer(line.far)
    peer.say(Self.hello)
    let connection = Connection(line.near, timeoutSeconds: 1)
    defer { connection.stop() }
    #expect(try connection.receive() == Self.hello)
    let start = Clock.now
    let error = #expect(throws: TransferError.self) { try connection.receive() }
    #expect(error?.sentence == "nothing has come for 1 second")
    #expect(error?.status == .remote)
    #expect((0.9..<10).contains(Clock.now - start))
  }

  @Test(arguments: [1, 1 << 40, Int.max])
  func anyTimeoutIsPossible(seconds: Int) throws {
    let bytes = WireLimits.magic + Self.hello.encoded()
    #expect(try Self.hear(bytes, timeoutSeconds: seconds) == .success([Self.hello]))
  }

  @Test func whatIsQueuedIsWrittenBeforeTheEnd() throws {
    let line = Line()
    let peer = Peer(line.far)
    let connection = Connection(line.near)
    for segment in 0..<20_000 { connection.send(.position(segment)) }
    let stopping = Watchdog.Running("stopping") {
      connection.stop()
      connection.stop()
    }
    for segment in 0..<20_000 { #expect(try peer.hear() == .position(segment)) }
    #expect(try peer.hear() == nil)
    try stopping.value()
    connection.send(Self.hello)
  }

  @Test func bulkWaitsForTheWireAndSaysSo() throws {
    let line = Line()
    let peer = Peer(line.far)
    let connection = Connection(line.near)
    let frame = Pages.content(200).data([WantedPages(0, Array(0..<200))])
    // Nobody reads: what the kernel and the queue hold goes at once, then it has to wait.
    let waits = Watchdog.Running("sending") {
      (0..<8).map { _ in connection.sendBulk(frame) }
    }
    Clock.sleep(seconds: 0.2)
    for _ in 0..<8 { _ = try peer.hear(.data) }
    #expect(try waits.value().contains(true))
    connection.stop()
    // Where there is room, it does not.
    let fresh = Line()
    let other = Connection(fresh.near)
    #expect(!other.sendBulk(frame))
    _ = Peer(fresh.far)
    other.stop()
  }

  @Test func anEndThatIsGoneHoldsNobodyUp() throws {
    let line = Line()
    let connection = Connection(line.near)
    close(line.far.input)
    close(line.far.output)
    let frame = Pages.content(256).data([WantedPages(0, Array(0..<256))])
    try Watchdog.run {
      for _ in 0..<20 { _ = connection.sendBulk(frame) }
      connection.stop()
    }
    #expect(try connection.receive() == nil)
  }

  @Test func theWidthFollowsThePass() throws {
    let pages = Pages.content(512)
    let line = Line()
    let connection = Connection(line.near)
    let peer = Peer(line.far)
    defer { connection.stop() }
    #expect(connection.width == .short)
    peer.say(pages.names(of: 0))
    peer.say(.pass(PassStart(number: 1, isFull: true)))
    peer.say(pages.names(of: 1, width: .full))
    #expect(try connection.receive() == pages.names(of: 0))
    _ = try connection.receive()
    #expect(connection.width == .full)
    #expect(try connection.receive() == pages.names(of: 1, width: .full))
    connection.send(.pass(PassStart(number: 2, isFull: false)))
    #expect(connection.width == .short)
  }
}
