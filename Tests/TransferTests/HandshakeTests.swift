// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Transfer

@Suite struct HandshakeTests {
  /// How greeting ends when the other end says this.
  private static func greet(
    _ bytes: [UInt8], timeoutSeconds: Int? = 10
  ) throws -> Result<UInt64, TransferError> {
    let line = Line()
    let peer = Peer(line.far, saysMagic: false)
    peer.say(bytes)
    if timeoutSeconds != 1 { peer.hangUp() }
    return try Watchdog.run("the handshake") {
      let connection = Connection(line.near, timeoutSeconds: timeoutSeconds)
      defer { connection.stop() }
      do throws(TransferError) {
        return .success(try Handshake.greet(connection))
      } catch {
        return .failure(error)
      }
    }
  }

  private static func said(_ message: Message) -> [UInt8] {
    WireLimits.magic + message.encoded()
  }

  @Test func equalVersionsGoOn() throws {
    #expect(try Self.greet(Self.said(.hello(Hello(program: "blkmove 9")))).get() == 0)
  }

  @Test func whatBothCanDoIsKnown() throws {
    let features = Hello.strands | 1 << 63
    let hello = Hello(features: features, program: "blkmove 9")
    #expect(try Self.greet(Self.said(.hello(hello))).get() == Hello.strands)
  }

  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var bytes: [UInt8]
    var timeoutSeconds = 10
    var end = TransferError.End.wire
    var sentence: String
    var hint: String?
    var status = ExitStatus.remote
  }

  @Test(arguments: [
    Case(
      testDescription: "a later version",
      bytes: said(.hello(Hello(version: 9, oldestVersion: 8, program: "blkmove 9"))),
      end: .remote, sentence: "speaks 1", hint: "install the same version of blkmove"),
    Case(
      testDescription: "a shell that talks", bytes: Array("Last login: today\n".utf8),
      sentence: "does not speak blkmove's protocol"),
    Case(testDescription: "nobody", bytes: [], end: .remote, sentence: "connection was lost"),
    Case(
      testDescription: "only the greeting", bytes: WireLimits.magic, end: .remote,
      sentence: "connection was lost"),
    Case(testDescription: "another message", bytes: said(.agreed), sentence: "'agreed' before"),
    Case(
      testDescription: "a refusal",
      bytes: said(.failure(Failure(exitStatus: 6, sentence: "not here", hint: "there"))),
      end: .remote, sentence: "not here", hint: "there", status: .refused),
    Case(
      testDescription: "a status that nobody has",
      bytes: said(.failure(Failure(exitStatus: 200, sentence: "odd"))), end: .remote,
      sentence: "odd", status: .failed),
    Case(
      testDescription: "silence", bytes: [], timeoutSeconds: 1, sentence: "nothing has come",
      hint: "--timeout"),
  ])
  func anythingElseIsASentence(test: Case) throws {
    let result = try Self.greet(test.bytes, timeoutSeconds: test.timeoutSeconds)
    guard case .failure(let error) = result else {
      Issue.record("it went on")
      return
    }
    #expect(error.sentence.contains(test.sentence), "\(error.sentence)")
    #expect(error.end == test.end && error.status == test.status)
    if let hint = test.hint { #expect(error.hint?.contains(hint) == true) }
  }

  @Test func progressIsPassedOver() throws {
    let line = Line()
    let peer = Peer(line.far)
    for _ in 0..<3 { peer.say(.progress(ProgressCounters())) }
    let job = Job(operation: .copy, serverRole: .target, suggestedName: "disk.img")
    peer.say(.job(job))
    peer.hangUp()
    let connection = Connection(line.near)
    defer { connection.stop() }
    #expect(try Handshake.receiveJob(connection) == job)
    #expect(throws: TransferError.lost) { try Handshake.receiveSource(connection) }
  }
}
