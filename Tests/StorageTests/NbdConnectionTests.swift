// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Storage

/// Servers that lie, stop in the middle, or say nothing any more.
@Suite(.timeLimit(.minutes(1))) struct NbdConnectionTests {
  private let scratch = Scratch()

  /// Little patience is only for those who are to lose it: this machine may be busy.
  private func limits(connect: Double = 30, silence: Double = 30) -> NbdExport.Limits {
    var limits = NbdExport.Limits()
    limits.connectSeconds = connect
    limits.silenceSeconds = silence
    return limits
  }

  struct Greeting: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var bytes: [UInt8]
    var mention = ""
  }

  static let greetings = [
    Greeting(testDescription: "silence", bytes: [], mention: "has not answered in 300 ms"),
    Greeting(testDescription: "another protocol", bytes: Array("HTTP/1.1 200 OK\r\n\r\n".utf8)),
    Greeting(testDescription: "half a word", bytes: Array("NBDMA".utf8)),
    Greeting(
      testDescription: "the old style",
      bytes: Array("NBDMAGIC".utf8)
        + FakeNbdServer.bytes(0x420281861253, 8) + FakeNbdServer.bytes(1 << 20, 8)),
    Greeting(
      testDescription: "no answer to options",
      bytes: Array("NBDMAGICIHAVEOPT".utf8) + [0, 3]),
    Greeting(
      testDescription: "a wrong answer to options",
      bytes: Array("NBDMAGICIHAVEOPT".utf8) + [0, 3] + [UInt8](repeating: 7, count: 64)),
  ]

  @Test(arguments: greetings)
  func itIsNoServer(greeting: Greeting) throws {
    let server = try FakeNbdServer(scratch, greeting: greeting.bytes)
    defer { server.stop() }
    let error = #expect(throws: StorageError.self) {
      try NbdExport.open(
        server.address, limits: limits(connect: greeting.mention.isEmpty ? 30 : 0.3))
    }
    #expect(error?.description.hasPrefix("\(server.address.text): connect: ") == true)
    if !greeting.mention.isEmpty {
      #expect(error?.description.contains(greeting.mention) == true, "\(error!)")
    }
  }

  @Test(arguments: [1 << 60 | 1, 1 << 63, UInt64.max] as [UInt64])
  func noImageIsSoLarge(byteCount: UInt64) throws {
    let server = try FakeNbdServer(scratch, byteCount: byteCount)
    defer { server.stop() }
    #expect(throws: StorageError.self) { try NbdExport.open(server.address) }
  }

  struct Reply: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var answer: FakeNbdServer.Answer
    var isLoss = true
    var mention = ""
  }

  static let replies = [
    Reply(testDescription: "it hangs up", answer: .hangUp),
    Reply(
      testDescription: "it says nothing", answer: .silence, mention: "has not answered in 300 ms"),
    Reply(testDescription: "a part of the data", answer: .part([1, 2, 3])),
    Reply(testDescription: "all but a byte", answer: .part([UInt8](repeating: 1, count: 4095))),
    Reply(
      testDescription: "garbage",
      answer: .bytes([UInt8](repeating: 0xA5, count: 64), goesOn: true)),
    Reply(
      testDescription: "another's answer",
      answer: .bytes(
        FakeNbdServer.bytes(0x668E_33EF_0001_0000, 8) + FakeNbdServer.bytes(99, 8)
          + FakeNbdServer.bytes(0, 4), goesOn: true)),
    Reply(testDescription: "an answer to something else", answer: .status([4096, 0])),
    Reply(
      testDescription: "it cannot", answer: .error(5), isLoss: false,
      mention: "read 4 KiB at 4 KiB: Input/output error"),
    Reply(
      testDescription: "it may not", answer: .error(1), isLoss: false,
      mention: "Operation not permitted"),
  ]

  @Test(arguments: replies)
  func aReadFails(reply: Reply) throws {
    let server = try FakeNbdServer(scratch) { _ in reply.answer }
    defer { server.stop() }
    let isSilent = reply.mention.contains("300 ms")
    let export = try NbdExport.open(server.address, limits: limits(silence: isSilent ? 0.3 : 30))
    let image = NbdImage(export)
    let error = #expect(throws: StorageError.self) { try image.bytes(4096..<8192) }
    #expect(error?.object == server.address.text)
    if !reply.mention.isEmpty {
      #expect(error?.description.contains(reply.mention) == true, "\(error!)")
    }
    #expect(export.isLost == reply.isLoss, "\(error!)")
  }

  /// Whoever waits when somebody else's time is up is told as well, and nobody hangs.
  @Test func silenceEndsAllWhoWait() throws {
    let server = try FakeNbdServer(scratch) { _ in .silence }
    defer { server.stop() }
    let export = try NbdExport.open(server.address, limits: limits(silence: 0.3))
    let image = NbdImage(export)
    let failures = Failures()
    let start = Date()
    DispatchQueue.concurrentPerform(iterations: 8) { number in
      do { _ = try image.bytes(UInt64(number) << 12..<UInt64(number + 1) << 12) } catch {
        failures.add("\(error)")
      }
    }
    #expect(failures.all.count == 8)
    #expect(failures.all.allSatisfy { $0.contains("has not answered in 300 ms") })
    #expect(Date().timeIntervalSince(start) < 10)
  }

  struct Holes: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var answer: FakeNbdServer.Answer
    var expected: [Extent]
  }

  private static func data(_ end: UInt64, from start: UInt64 = 0) -> Extent {
    Extent(range: start..<end, isHole: false)
  }

  static let holes = [
    Holes(
      testDescription: "unallocated is not zero", answer: .status([1 << 20, 1]),
      expected: [data(1 << 20)]),
    Holes(
      testDescription: "zero is a hole, allocated or not", answer: .status([4096, 2, 4096, 3]),
      expected: [Extent(range: 0..<8192, isHole: true)]),
    Holes(
      testDescription: "more than was asked for", answer: .status([UInt32.max, 3]),
      expected: [Extent(range: 0..<1 << 20, isHole: true)]),
    Holes(testDescription: "an error", answer: .error(22), expected: [data(1 << 20)]),
  ]

  @Test(arguments: holes)
  func holesAreBelievedAsFarAsTheyGo(holes: Holes) throws {
    let server = try FakeNbdServer(scratch) {
      $0.type == FakeNbdServer.blockStatus ? holes.answer : .zeros
    }
    defer { server.stop() }
    let image = NbdImage(try NbdExport.open(server.address))
    let first = try image.extent(at: 0)
    #expect([first] == holes.expected)
  }

  @Test(arguments: [[UInt32](), [0, 0], [0, 3, 0, 1]])
  func anAnswerThatSaysNothingIsNoHole(entries: [UInt32]) throws {
    let server = try FakeNbdServer(scratch) {
      $0.type == FakeNbdServer.blockStatus ? .status(entries) : .zeros
    }
    defer { server.stop() }
    let image = NbdImage(try NbdExport.open(server.address))
    do throws(StorageError) {
      #expect(try image.extents() == [Extent(range: 0..<1 << 20, isHole: false)])
    } catch {
      // The library may take it for the end of all sense.
      #expect(image.export.isLost, "\(error)")
    }
  }

  @Test func whatAServerSaysIsNoOrderToTheTerminal() {
    let words = "nbd_aio_connect_uri: nbd_x: connect: gone\u{1B}[2J\n\u{202E}now"
    #expect(NbdFailure.plain(words) == "gone?[2J??now")
    #expect(NbdFailure.plain(String(repeating: "x", count: 5000)).count == 200)
    #expect(NbdFailure.plain("nbd_") == "nbd_")
    #expect(NbdFailure.plain("") == "")
  }
}
