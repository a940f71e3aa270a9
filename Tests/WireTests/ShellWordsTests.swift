// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Wire

@Suite struct ShellWordsTests {
  struct Quoting: Sendable {
    let text: String
    let quoted: String
  }

  static let quotings: [Quoting] = [
    Quoting(text: "/srv/disks/web-1.img", quoted: "/srv/disks/web-1.img"),
    Quoting(text: "user@host:+50%,_x", quoted: "user@host:+50%,_x"),
    Quoting(text: "", quoted: "''"),
    Quoting(text: " ", quoted: "' '"),
    Quoting(text: "a b", quoted: "'a b'"),
    Quoting(text: "it's", quoted: "'it'\\''s'"),
    Quoting(text: "'", quoted: "''\\'''"),
    Quoting(text: "a\nb", quoted: "'a\nb'"),
    Quoting(text: "\"$HOME\" `id` $(id)", quoted: "'\"$HOME\" `id` $(id)'"),
    Quoting(text: "a\\", quoted: "'a\\'"),
    Quoting(text: "-rf", quoted: "-rf"),
    Quoting(text: "--", quoted: "--"),
    Quoting(text: "~", quoted: "'~'"),
    Quoting(text: "~/a", quoted: "'~/a'"),
    Quoting(text: "a=b", quoted: "'a=b'"),
    Quoting(text: "#a", quoted: "'#a'"),
    Quoting(text: "*?[a]{b,c}", quoted: "'*?[a]{b,c}'"),
    Quoting(text: "a;b&c|d<e>f!", quoted: "'a;b&c|d<e>f!'"),
    Quoting(text: "größe", quoted: "'größe'"),
    // One character of Swift's, and two bytes that a shell tells apart.
    Quoting(text: "'\u{301}", quoted: "''\\''\u{301}'"),
    Quoting(text: "\r\n", quoted: "'\r\n'"),
  ]

  @Test(arguments: quotings)
  func quotingIsExact(_ example: Quoting) throws {
    #expect(ShellWords.quoted(example.text) == example.quoted)
    #expect(try ShellWords.split(example.quoted, name: "-e") == [example.text])
  }

  struct Splitting: Sendable {
    let text: String
    /// Nil where a shell would ask for more.
    let words: [String]?
    var complaint = ""
  }

  @Test(arguments: [
    Splitting(text: "", words: []),
    Splitting(text: " \t\n ", words: []),
    Splitting(text: "ssh", words: ["ssh"]),
    Splitting(text: " ssh  -p\t2222\n", words: ["ssh", "-p", "2222"]),
    Splitting(text: "ssh -o 'Port 22'", words: ["ssh", "-o", "Port 22"]),
    Splitting(text: "a''b", words: ["ab"]),
    Splitting(text: "''", words: [""]),
    Splitting(text: "\"\" ''", words: ["", ""]),
    Splitting(text: "'a\\b'", words: ["a\\b"]),
    Splitting(text: "\"a\\b\"", words: ["a\\b"]),
    Splitting(text: "\"a\\\"b\\\\c\\$d\\`e\"", words: ["a\"b\\c$d`e"]),
    Splitting(text: "\"it's\"", words: ["it's"]),
    Splitting(text: "'say \"x\"'", words: ["say \"x\""]),
    Splitting(text: "a\\ b", words: ["a b"]),
    Splitting(text: "a\\\nb", words: ["ab"]),
    Splitting(text: "\"a\\\nb\"", words: ["ab"]),
    Splitting(text: "'a\\\nb'", words: ["a\\\nb"]),
    Splitting(text: "\\\n", words: []),
    Splitting(text: "\\'", words: ["'"]),
    Splitting(text: "$HOME ; * | x # y", words: ["$HOME", ";", "*", "|", "x", "#", "y"]),
    Splitting(text: "größe", words: ["größe"]),
    Splitting(text: "'a\u{301}'\u{301}", words: ["a\u{301}\u{301}"]),
    Splitting(
      text: "ssh 'a", words: nil,
      complaint: "-e: a single quote that is not closed, it opens at byte 5"),
    Splitting(
      text: "\"a'", words: nil,
      complaint: "-e: a double quote that is not closed, it opens at byte 1"),
    Splitting(
      text: "\"a\\", words: nil,
      complaint: "-e: a double quote that is not closed, it opens at byte 1"),
    Splitting(
      text: "a\\", words: nil, complaint: "-e: a backslash at the end, a character must follow"),
  ])
  func splittingIsExact(_ example: Splitting) throws {
    if let words = example.words {
      #expect(try ShellWords.split(example.text, name: "-e") == words)
    } else {
      let error = #expect(throws: WireError.self) {
        try ShellWords.split(example.text, name: "-e")
      }
      #expect(error?.kind == .words)
      #expect(error?.description == example.complaint)
    }
  }

  @Test func textsAndWordsHaveLimits() throws {
    let text = String(repeating: "a", count: WireLimits.commandByteCount)
    #expect(try ShellWords.split(text, name: "-e") == [text])
    #expect(throws: WireError.self) { try ShellWords.split(text + "a", name: "-e") }
    let words = String(repeating: "a ", count: WireLimits.commandWordCount)
    #expect(try ShellWords.split(words, name: "-e").count == WireLimits.commandWordCount)
    #expect(throws: WireError.self) { try ShellWords.split(words + "a", name: "-e") }
  }

  /// The words that a real shell finds on each line.
  private static func shell(_ lines: [String]) throws -> [[String]] {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    let script = lines.map { "p \($0)\n" }.joined()
    process.arguments = [
      "-c", "p() { for w; do printf '%s\\001' \"$w\"; done; printf '\\002'; }\n" + script,
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let bytes = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return bytes.split(separator: 2, omittingEmptySubsequences: false).dropLast().map { line in
      line.split(separator: 1, omittingEmptySubsequences: false).dropLast()
        .map { String(decoding: $0, as: UTF8.self) }
    }
  }

  @Test(.timeLimit(.minutes(1))) func aRealShellReadsWhatIsQuoted() throws {
    var bits = TestSeed.bits()
    var texts = ShellWordsTests.quotings.map(\.text)
    let characters = Array("ab'\"\\ $`~#-=!*?[]{}()<>|;&\n\t%äé")
    for _ in 0..<500 {
      texts.append(
        String((0..<bits.below(9)).map { _ in characters.randomElement(using: &bits)! }))
    }
    #expect(try ShellWordsTests.shell(texts.map(ShellWords.quoted)) == texts.map { [$0] })
  }

  @Test(.timeLimit(.minutes(1))) func aRealShellSplitsTheSameWay() throws {
    var bits = TestSeed.bits()
    let characters = Array("ab'\"\\ \t")
    var texts: [String] = []
    while texts.count < 1000 {
      let text = String((0..<bits.below(10)).map { _ in characters.randomElement(using: &bits)! })
      if (try? ShellWords.split(text, name: "")) != nil { texts.append(text) }
    }
    let expected = try texts.map { try ShellWords.split($0, name: "") }
    #expect(try ShellWordsTests.shell(texts) == expected)
  }
}
