// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct JobTests {
  private static func afterTheWire(_ job: Job) throws -> Job? {
    let frame = try #require(try MessageTests.frame(Message.job(job).encoded()))
    guard case .job(let found) = try Message(frame) else { return nil }
    return found
  }

  @Test func figuresAreLoweredToTheirLimits() throws {
    let job = Job(
      operation: .copy, serverRole: .target, threadCount: 5000, compression: .level(40),
      progressIntervalMilliseconds: .max)
    let found = try JobTests.afterTheWire(job)
    #expect(found?.threadCount == WireLimits.threadCount)
    #expect(found?.compression == .level(19))
    #expect(found?.progressIntervalMilliseconds == WireLimits.progressIntervalMilliseconds)
  }

  @Test(arguments: ["..", ".", "a/b", "/", "/etc/passwd", "../x", "a\u{0}b"])
  func aNameThatLeadsElsewhereIsNeitherSentNorTaken(name: String) throws {
    let job = Job(operation: .copy, serverRole: .target, suggestedName: name)
    #expect(try JobTests.afterTheWire(job)?.suggestedName == "")
    let payload = PayloadBytes().zeros(23).text(name).u32(0)
    let error = #expect(throws: WireError.self) {
      try Message(Frame(type: .job, payload: payload.bytes))
    }
    #expect(error?.field == "suggested name")
  }

  @Test(arguments: ["", "...", "..a", "-rf", "a b", "a\nb", "größe.img"])
  func anyOtherNameIsTakenAsItIs(name: String) throws {
    let job = Job(operation: .copy, serverRole: .target, suggestedName: name)
    #expect(try JobTests.afterTheWire(job) == job)
  }

  @Test(arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]] as [[UInt8]])
  func bytesThatAreNoTextAreRefused(bytes: [UInt8]) {
    let payload = PayloadBytes().zeros(23).u16(bytes.count).raw(bytes).u32(0)
    #expect(throws: WireError.self) { try Message(Frame(type: .job, payload: payload.bytes)) }
  }
}
