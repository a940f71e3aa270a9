// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct HelloTests {
  struct Case: Sendable {
    let ours: ClosedRange<UInt16>
    let theirs: ClosedRange<UInt16>
    let agreed: UInt16?
  }

  @Test(arguments: [
    Case(ours: 1...1, theirs: 1...1, agreed: 1),
    Case(ours: 1...3, theirs: 1...2, agreed: 2),
    Case(ours: 2...3, theirs: 1...2, agreed: 2),
    Case(ours: 2...5, theirs: 3...4, agreed: 4),
    Case(ours: 1...1, theirs: 2...3, agreed: nil),
    Case(ours: 4...9, theirs: 1...3, agreed: nil),
    Case(ours: 65_535...65_535, theirs: 1...65_535, agreed: 65_535),
  ])
  func bothComeToTheSameVersion(_ example: Case) throws {
    let ours = HelloTests.hello(example.ours)
    let theirs = HelloTests.hello(example.theirs)
    if let agreed = example.agreed {
      #expect(try ours.agree(with: theirs) == agreed)
      #expect(try theirs.agree(with: ours) == agreed)
    } else {
      #expect(throws: WireError.self) { try ours.agree(with: theirs) }
      #expect(throws: WireError.self) { try theirs.agree(with: ours) }
    }
  }

  private static func hello(_ versions: ClosedRange<UInt16>) -> Hello {
    Hello(version: versions.upperBound, oldestVersion: versions.lowerBound, program: "blkmove")
  }

  @Test func theSentenceNamesBothVersions() {
    let ours = Hello(version: 2, oldestVersion: 1, program: "blkmove 1.4")
    let theirs = Hello(version: 9, oldestVersion: 9, program: "blkmove 7.0")
    let error = #expect(throws: WireError.self) { try ours.agree(with: theirs) }
    #expect(error?.kind == .version)
    #expect(
      error?.description
        == "no common protocol version: this end (blkmove 1.4) speaks 1 to 2, "
        + "the other end (blkmove 7.0) 9")
  }

  @Test func featuresAreThoseOfBoth() {
    let ours = Hello(features: 0b0110, program: "")
    #expect(ours.commonFeatures(with: Hello(features: 0b1100, program: "")) == 0b0100)
  }

  @Test func laterFieldsAreIgnored() throws {
    let hello = Message.hello(Hello(program: "blkmove 1.0"))
    let payload = Array(hello.encoded().dropFirst(WireLimits.frameHeaderByteCount))
    let later = payload + [1, 2, 3, 255]
    #expect(try Message(Frame(type: .hello, payload: later)) == hello)
  }

  @Test(arguments: [(0, 0), (1, 0), (1, 2)] as [(UInt16, UInt16)])
  func impossibleVersionsAreRefused(version: UInt16, oldest: UInt16) {
    let payload =
      [UInt8(version), 0, UInt8(oldest), 0] + [UInt8](repeating: 0, count: 10)
    #expect(throws: WireError.self) { try Message(Frame(type: .hello, payload: payload)) }
  }
}
