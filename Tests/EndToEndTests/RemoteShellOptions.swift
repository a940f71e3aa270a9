// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// How the remote shell and the command at the other end are given, and that no shell here ever
/// reads what is in them.
@Suite(.endsInTime) struct RemoteShellOptions {
  private let scratch = Scratch()

  private func image() throws -> ImageFile {
    try ImageFile.full(in: scratch, named: "disk.img", byteCount: 100_000, seed: 1)
  }

  private func client() throws -> String {
    try SecureShell.shared.get().client.map(Blkmove.quoted).joined(separator: " ")
  }

  private func push(
    _ options: [String], _ environment: [String: String] = [:], binary: String = Blkmove.binary
  ) throws -> Outcome {
    var command = Command(
      [Blkmove.binary] + options + ["--remote-path", binary]
        + [try image().path, "backup:\(scratch.path("copy.img"))"])
    command.environment.merge(environment) { $1 }
    return try command.run()
  }

  @Test(arguments: ["-e", "--rsh", "BLKMOVE_RSH", "RSYNC_RSH"])
  func everyWayToNameIt(way: String) throws {
    let outcome =
      way.hasPrefix("-") ? try push([way, client()]) : try push([], [way: client()])
    #expect(outcome.status == 0, "\(outcome)")
    try expectEqual(ImageFile(scratch.path("copy.img")), image())
  }

  @Test func whichOfThemCounts() throws {
    let wrong = "/no/such/shell"
    #expect(try push(["-e", client()], ["BLKMOVE_RSH": wrong, "RSYNC_RSH": wrong]).status == 0)
    #expect(try push([], ["BLKMOVE_RSH": client(), "RSYNC_RSH": wrong]).status == 0)
    #expect(try push([], ["BLKMOVE_RSH": wrong, "RSYNC_RSH": client()]).status == 4)
  }

  @Test func itIsSplitAsAShellWouldAndNeverRunByOne() throws {
    let record = scratch.path("words")
    let shell = try scratch.writeScript(
      """
      #!/bin/bash
      printf '%s\\n' "$@" >'\(record)'
      exit 7
      """, to: "a shell")
    let outcome = try push([
      "-e", "'\(shell)' -o 'two words' \"$(touch owned)\" a\\ b `x` ;touch '' \"q\\\"uote\" *",
    ])
    expectComplaint(outcome, status: 4, "7")
    let words = try String(contentsOfFile: record, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(
      words.prefix(9).map(String.init) == [
        "-o", "two words", "$(touch owned)", "a b", "`x`", ";touch", "", "q\"uote", "*",
      ], "\(words)")
    #expect(!scratch.names.contains("owned"))
  }

  @Test(arguments: ["'unbalanced", "", "\"", "   "])
  func wordsThatAreNone(value: String) throws {
    let outcome = try push(["-e", value])
    expectComplaint(outcome, status: 2)
  }

  @Test func theFarCommandMayBeWords() throws {
    let outcome = try push(["-e", client()], binary: "env SOME=thing \(Blkmove.binary)")
    #expect(outcome.status == 0, "\(outcome)")
  }

  /// ssh joins the words and the far shell splits them again, so they must be quoted for it.
  @Test func theWordsOfTheFarEndAreQuoted() throws {
    let record = scratch.path("words")
    let shell = try scratch.writeScript(
      """
      #!/bin/bash
      printf '%s\\n' "$@" >'\(record)'
      exit 7
      """, to: "shell")
    _ = try Command(
      Blkmove.binary, "-e", shell, image().path, "user@backup:/a b/$(x);y.img"
    ).run()
    let words = try String(contentsOfFile: record, encoding: .utf8)
    #expect(words.contains("'/a b/$(x);y.img'"), "\(words)")
    #expect(words.contains("--server"), "\(words)")
    #expect(words.contains("user@backup") || words.contains("-l\nuser"), "\(words)")
  }
}
