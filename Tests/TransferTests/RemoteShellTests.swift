// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Transfer

@Suite struct RemoteShellTests {
  // MARK: What ssh sees

  struct Case: Sendable {
    var location: RemoteLocation
    var shell = ["ssh"]
    var command = ["blkmove"]
    var arguments = ["--server", "target", "--", "disk.img"]
    var expected: [String]
  }

  static let cases = [
    Case(
      location: RemoteLocation(host: "h", path: ""),
      expected: ["ssh", "h", "blkmove", "--server", "target", "--", "disk.img"]),
    Case(
      location: RemoteLocation(user: "u", host: "h", port: 22, path: ""),
      expected: ["ssh", "-p", "22", "-l", "u", "h", "blkmove"]
        + ["--server", "target", "--", "disk.img"]),
    Case(
      location: RemoteLocation(host: "h", path: ""), shell: ["ssh", "-i", "a key"],
      command: ["sudo", "~/bin/blkmove"], arguments: ["--", "/a b/$(c)/'d"],
      expected: ["ssh", "-i", "a key", "h", "sudo", "~/bin/blkmove", "--", "'/a b/$(c)/'\\''d'"]),
    Case(
      location: RemoteLocation(host: "h", path: ""), arguments: ["--seed", "", "--", "-n", "~/x"],
      expected: ["ssh", "h", "blkmove", "--seed", "''", "--", "-n", "'~/x'"]),
    Case(
      location: RemoteLocation(user: "DOM\\u", host: "fe80::1%eth0", path: ""), arguments: [],
      expected: ["ssh", "-l", "DOM\\u", "fe80::1%eth0", "blkmove"]),
  ]

  @Test(arguments: cases)
  func everyWordIsWhatItWas(test: Case) throws {
    var settings = Settings()
    settings.remoteShell = test.shell
    settings.remoteCommand = test.command
    let arguments = try RemoteShell.arguments(
      for: test.location, settings: settings, serverArguments: test.arguments)
    #expect(arguments == test.expected)
  }

  @Test(arguments: [
    (RemoteLocation(host: "-oProxyCommand=x", path: "p"), ["ssh"], "begins with '-'"),
    (RemoteLocation(user: "-oProxyCommand=x", host: "h", path: "p"), ["ssh"], "begins with '-'"),
    (RemoteLocation(host: "-", path: "p"), ["ssh"], "begins with '-'"),
    (RemoteLocation(host: "h", path: "p"), [], "remote shell is empty"),
    (RemoteLocation(host: "h", path: "p"), ["", "x"], "remote shell is empty"),
  ])
  func noHostIsAnOption(location: RemoteLocation, shell: [String], sentence: String) {
    var settings = Settings()
    settings.remoteShell = shell
    let error = #expect(throws: TransferError.self) {
      try RemoteShell.arguments(for: location, settings: settings, serverArguments: [])
    }
    #expect(error?.sentence.contains(sentence) == true)
    #expect(error?.status == .usage)
  }

  // MARK: The child

  /// A remote shell that is this script.
  static func start(
    _ script: String, announce: @escaping Announce = { _ in }
  ) throws -> RemoteShell {
    signal(SIGPIPE, SIG_IGN)
    var settings = Settings()
    settings.remoteShell = ["/bin/sh", "-c", script]
    return try RemoteShell(
      RemoteLocation(host: "there", path: "p"), settings: settings, serverArguments: ["--", "a b"],
      announce: announce)
  }

  /// Ends the connection of a child that nobody speaks to.
  private static func finish(_ shell: RemoteShell) throws -> Int32 {
    close(shell.output)
    defer { close(shell.input) }
    return try Watchdog.run("the shell", seconds: 10) { shell.finish() }
  }

  private static func readAll(_ descriptor: Int32) -> String {
    var text: [UInt8] = []
    var byte: UInt8 = 0
    while read(descriptor, &byte, 1) == 1 { text.append(byte) }
    return String(decoding: text, as: UTF8.self)
  }

  @Test func theConnectionIsItsInputAndOutput() throws {
    let shell = try Self.start("echo \"$0 $*\"; cat; exit 3")
    #expect("ping".withCString { write(shell.output, $0, 4) } == 4)
    close(shell.output)
    #expect(Self.readAll(shell.input) == "there blkmove -- 'a b'\nping")
    close(shell.input)
    #expect(shell.finish() == 3)
    #expect(shell.finish() == 3, "asked again")
  }

  @Test func itsErrorsAreHandedOnByTheLine() throws {
    let lines = Monitor<[String]>([])
    let shell = try Self.start(
      "printf 'one\\r\\ntwo\\033[2J\\n' >&2; seq 3 12 >&2; printf 'the end' >&2"
    ) { announcement in
      guard case .remoteLine("there", let line) = announcement else { return }
      lines.update { $0.append(line) }
    }
    #expect(try Self.finish(shell) == 0)
    let expected = ["one", "two?[2J"] + (3...12).map(String.init) + ["the end"]
    #expect(lines.peek { $0 } == expected)
    #expect(shell.lastWords == Array(expected.suffix(8)))
  }

  @Test func aLineWithoutAnEndIsCut() throws {
    let shell = try Self.start("head -c 10000 /dev/zero | tr '\\0' x >&2")
    #expect(try Self.finish(shell) == 0)
    #expect(shell.lastWords.map(\.utf8.count) == [4096, 4096, 1808])
  }

  @Test func aSignalIsToldFromAnExit() throws {
    #expect(try Self.finish(try Self.start("kill -9 $$")) == 128 + 9)
  }

  @Test func aChildThatDoesNotEndIsEnded() throws {
    let shell = try Self.start("exec sleep 100")
    shell.terminate(afterSeconds: 0.1)
    #expect(try Self.finish(shell) == 128 + SIGTERM)
  }

  @Test func whoeverKeepsItsErrorsOpenHoldsNobodyUp() throws {
    // As a connection that ssh shares and leaves in the background.
    let shell = try Self.start("echo before >&2; sleep 30 & exit 4")
    let start = Clock.now
    #expect(try Self.finish(shell) == 4)
    #expect(Clock.now - start < 8)
    #expect(shell.lastWords == ["before"])
  }

  @Test func whatIsNotThereIsSaid() {
    var settings = Settings()
    settings.remoteShell = ["/nonexistent/ssh"]
    let error = #expect(throws: TransferError.self) {
      try RemoteShell(
        RemoteLocation(host: "h", path: "p"), settings: settings, serverArguments: [],
        announce: { _ in })
    }
    #expect(error?.sentence == "cannot start /nonexistent/ssh: No such file or directory")
    #expect(error?.hint?.contains("-e") == true && error?.status == .remote)
  }
}
