// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import blkmove

/// The built program while it runs: signals, the terminal, standard output that is gone.
@Suite(.serialized) struct RunningProgramTests {
  private static let sentence =
    "blkmove: interrupted; what has arrived is kept, run again to go on\n"

  @Test(.timeLimit(.minutes(1)), arguments: [SIGINT, SIGTERM, SIGHUP])
  func aSignalEndsTheRunWithASentence(signal: Int32) throws {
    let program = try RunningProgram([])
    #expect(program.waits(for: "host: ready\n"))
    program.send(signal)
    let end = program.end()
    #expect(end.status == 5)
    #expect(end.errors == "host: ready\n\(Self.sentence)")
    #expect(end.output.isEmpty)
  }

  @Test(.timeLimit(.minutes(1)))
  func anInterruptionIsTheResult() throws {
    let program = try RunningProgram(["--json"])
    #expect(program.waits(for: "host: ready\n"))
    program.send(SIGTERM)
    let end = program.end()
    #expect(end.status == 5)
    let lines = end.output.split(separator: "\n")
    #expect(lines.filter { $0.hasPrefix("{\"type\":\"result\"") }.count == 1)
    #expect(
      lines.last?.hasPrefix("{\"type\":\"result\",\"operation\":\"copy\",\"status\":5,") == true)
  }

  @Test(.timeLimit(.minutes(1)))
  func whoeverAsksIsToldAndTheRunGoesOn() throws {
    let program = try RunningProgram(["-q"])
    #expect(program.waits(for: "host: ready\n"))
    program.send(SIGUSR1)
    #expect(program.waits(for: "Package.swift: connecting  elapsed 0:0"))
    program.send(SIGUSR1)
    program.send(SIGTERM)
    #expect(program.end().status == 5)
  }

  @Test(.timeLimit(.minutes(1)))
  func whatIsIgnoredAtTheStartStaysIgnored() throws {
    let program = try RunningProgram([], prelude: "trap '' HUP INT")
    #expect(program.waits(for: "host: ready\n"))
    program.send(SIGHUP)
    program.send(SIGINT)
    program.send(SIGUSR1)
    #expect(program.waits(for: "connecting  elapsed"))
    program.send(SIGTERM)
    #expect(program.end().status == 5)
  }

  @Test(.timeLimit(.minutes(1)))
  func aTerminalHasTheLineAndLosesItAgain() throws {
    let program = try RunningProgram(
      [], prelude: "stty cols 40 <&2", environment: ["TERM": "xterm"], terminal: try Terminal.open()
    )
    #expect(program.waits(for: "\rconnecting\u{1b}[K"))
    program.send(SIGTERM)
    let end = program.end()
    #expect(end.status == 5)
    let sentence = Self.sentence.replacing("\n", with: "\r\n")
    #expect(end.errors.hasSuffix("\r\u{1b}[K\(sentence)"), "\(end.errors.debugDescription)")
  }

  @Test(.timeLimit(.minutes(1)), arguments: [["TERM": "dumb"], ["TERM": "xterm"]])
  func aTerminalThatCannotRedrawGetsNothing(environment: [String: String]) throws {
    let options = environment["TERM"] == "dumb" ? [] : ["-q"]
    let program = try RunningProgram(
      options, environment: environment, terminal: try Terminal.open())
    #expect(program.waits(for: "host: ready"))
    program.send(SIGTERM)
    #expect(!program.end().errors.contains("\u{1b}"))
  }

  @Test(.timeLimit(.minutes(1)), arguments: [["-P"], ["--progress=2"]])
  func whoeverAsksForLinesGetsLines(options: [String]) throws {
    let program = try RunningProgram(options)
    #expect(program.waits(for: "host: ready\nconnecting\nconnecting\n"))
    program.send(SIGTERM)
    #expect(!program.end().errors.contains("\u{1b}"))
  }

  @Test(.timeLimit(.minutes(1)))
  func aReaderWhoDoesNotReadHoldsNobodyUp() throws {
    let program = try RunningProgram(
      ["--progress=7"],
      prelude: "exec 6>&1 7>&1; dd if=/dev/zero bs=4096 count=16 >&7 2>/dev/null")
    #expect(program.waits(for: "host: ready\n"))
    // More than a second, in which a line is due that finds no room.
    Thread.sleep(forTimeInterval: 1.5)
    program.send(SIGUSR1)
    #expect(program.waits(for: "connecting  elapsed"))
    program.send(SIGTERM)
    #expect(program.end().status == 5)
  }

  @Test(.timeLimit(.minutes(1)), arguments: ["TERM", "HUP", "USR1"])
  func aServerThatIsToldToGoGoes(signal: String) throws {
    let script = """
      mkfifo "$1/in" "$1/out"
      "$2" --server target -- "$1/x" <"$1/in" >"$1/out" & exec 3>"$1/in" 4<"$1/out"
      head -c 8 <&4; kill -\(signal) $!; wait $!; test $? -gt 128
      """
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("blkmove-server-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let result = try Project.run([
      "timeout", "-s", "KILL", "30", "bash", "-c", script, "sh", directory.path,
      RunningProgram.binary,
    ])
    #expect(result.status == 0, "\(result.text)")
    #expect(result.text.hasPrefix("BLKMOVE\n"))
  }

  static let closed: [(command: String, status: Int32, text: String?)] = [
    ("--version >&-", 1, "blkmove: standard output: write: Bad file descriptor\n"),
    ("--help >/dev/full", 1, "blkmove: standard output: write: No space left on device\n"),
    ("--help | (exec <&-; sleep 1)", 0, nil),
    ("--frobnicate 2>&-", 2, nil),
    ("--version <&-", 0, "blkmove \(Program.version)\n"),
    ("-P=9 a b 9<Package.swift", 2, "descriptor 9 is not open for writing"),
    ("\"$(printf 'a\\377')\" b", 2, "blkmove: argument 1 is not valid UTF-8\n"),
    ("\"$(printf 'a\\377')\" b --json", 2, "\"type\":\"result\""),
    ("'' b", 2, "blkmove: source is empty\n"),
    ("a \"$(head -c 5000 /dev/zero | tr '\\0' x)\"", 2, "longer than 4095 bytes"),
  ]

  @Test(.timeLimit(.minutes(1)), arguments: closed)
  func aShellCanSayIt(command: String, status: Int32, text: String?) throws {
    let result = try Project.run(["sh", "-c", "\(RunningProgram.binary) \(command)"])
    #expect(result.status == status, "\(result.text)")
    #expect(text.map(result.text.contains) ?? result.text.isEmpty, "\(result.text)")
  }
}
