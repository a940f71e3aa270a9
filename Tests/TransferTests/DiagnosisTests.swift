// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing
import Wire

@testable import Transfer

@Suite struct DiagnosisTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var error = TransferError.lost
    var isGreeted = false
    /// What the remote shell does.
    var script: String
    var end = TransferError.End.remote
    var sentence: String
    var hint: String?
    var status = ExitStatus.remote
  }

  static let noise = TransferError(
    WireError(.magic, "the greeting", field: "magic", found: "\"Hi\"", allowed: "BLKMOVE"))
  static let silence = TransferError(
    .wire, "nothing has come for 9 seconds", hint: "run again", status: .remote)
  static let full = TransferError(
    .target, "there:/a: write: No space left on device", hint: "make room", status: .failed)

  static let cases = [
    Case(
      testDescription: "no such program", script: "echo 'sh: blkmove: not found' >&2; exit 127",
      sentence: "there: blkmove cannot be run there: sh: blkmove: not found",
      hint: "--remote-path"),
    Case(
      testDescription: "no program", script: "exit 126",
      sentence: "there: blkmove cannot be run there", hint: "--remote-path"),
    Case(
      testDescription: "no key", script: "echo 'Permission denied (publickey).' >&2; exit 255",
      sentence: "there: cannot connect: Permission denied (publickey)", hint: "ssh there true"),
    Case(
      testDescription: "an exit before an answer", script: "echo 'not today' >&2; exit 1",
      sentence: "there: the remote shell ended with status 1 before blkmove answered: not today",
      hint: "ssh there blkmove --version"),
    Case(
      testDescription: "a signal before an answer", script: "kill -9 $$",
      sentence: "there: the remote shell ended with status 137 before blkmove answered",
      hint: "ssh there blkmove --version"),
    Case(
      testDescription: "a chatty login", error: noise, script: "exit 0",
      sentence: "there: \(noise.sentence)", hint: "must print nothing"),
    Case(
      testDescription: "no answer", error: silence, script: "exit 0",
      sentence: "there: \(silence.sentence)", hint: "run again"),
    Case(
      testDescription: "a cut line", isGreeted: true,
      script: "echo 'Connection reset' >&2; exit 255",
      sentence: "there: the connection was lost before the work was done (Connection reset)",
      hint: "run again to go on"),
    Case(
      testDescription: "a cut line without a word", isGreeted: true, script: "exit 255",
      sentence: "there: the connection was lost before the work was done",
      hint: "run again to go on"),
    Case(
      testDescription: "silence in the middle", error: silence, isGreeted: true, script: "exit 0",
      end: .wire, sentence: "there: \(silence.sentence)", hint: "run again"),
    Case(
      testDescription: "a full disk", error: full, isGreeted: true, script: "echo x >&2; exit 1",
      end: .target, sentence: full.sentence, hint: "make room", status: .failed),
  ]

  @Test(arguments: cases)
  func theCauseIsNamed(test: Case) throws {
    let shell = try RemoteShellTests.start(test.script)
    close(shell.output)
    let found = try Watchdog.run("the diagnosis") {
      Diagnosis.explain(test.error, shell: shell, isGreeted: test.isGreeted)
    }
    close(shell.input)
    #expect(found.sentence == test.sentence)
    #expect(found.hint?.contains(test.hint ?? "") == (test.hint != nil), "\(found.hint ?? "-")")
    #expect(found.end == test.end && found.status == test.status)
  }
}
