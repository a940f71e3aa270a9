// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct DisplayableTextTests {
  struct Case: Sendable {
    let text: String
    let shown: String
  }

  @Test(arguments: [
    Case(text: "", shown: ""),
    Case(text: "/srv/größe 東京 🚀.img", shown: "/srv/größe 東京 🚀.img"),
    Case(text: "a\nb\tc\rd", shown: "a\\nb\\tc\\rd"),
    Case(text: "\u{1B}]0;title\u{7}", shown: "\\u{1b}]0;title\\u{7}"),
    Case(text: "\u{9B}31m", shown: "\\u{9b}31m"),
    Case(text: "a\u{202E}b\u{2066}", shown: "a\\u{202e}b\\u{2066}"),
    Case(text: "\u{0}\u{7F}", shown: "\\u{0}\\u{7f}"),
    Case(text: "\r\n", shown: "\\r\\n"),
  ])
  func nothingATerminalObeysIsLeft(_ example: Case) {
    #expect(example.text.displayable == example.shown)
    #expect(example.shown.displayable == example.shown)
  }

  @Test func whatAnotherMachineSaysIsMadeDisplayable() throws {
    let failure = Failure(exitStatus: 1, sentence: "a\u{1B}[2Jb", hint: "c\nd")
    let frame = try #require(try MessageTests.frame(Message.failure(failure).encoded()))
    let expected = Failure(exitStatus: 1, sentence: "a\\u{1b}[2Jb", hint: "c\\nd")
    #expect(try Message(frame) == .failure(expected))
  }

  @Test(arguments: [0, 1, 2, 3])
  func longTextIsCutBetweenCharacters(offset: Int) throws {
    let sentence = String(repeating: "x", count: offset) + String(repeating: "東", count: 1000)
    let failure = Message.failure(Failure(exitStatus: 1, sentence: sentence))
    let frame = try #require(try MessageTests.frame(failure.encoded()))
    guard case .failure(let found) = try Message(frame) else {
      Issue.record("no failure")
      return
    }
    #expect(sentence.hasPrefix(found.sentence))
    #expect(found.sentence.utf8.count > WireLimits.textByteCount - 3)
    #expect(found.sentence.utf8.count <= WireLimits.textByteCount)
  }
}
