// SPDX-License-Identifier: Apache-2.0

import Testing
import Transfer

@testable import blkmove

@Suite struct ServeRestrictionTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var command: String
    var role: Server.Role
    var path: String
    var seeds: [String] = []

    var testDescription: String { command }
  }

  static let served: [Case] = [
    Case(command: "blkmove --server target -- /srv/a.img", role: .target, path: "/srv/a.img"),
    Case(command: "blkmove --server source -- a.img", role: .source, path: "a.img"),
    Case(command: "blkmove --server source -- -n", role: .source, path: "-n"),
    Case(command: "sudo -n blkmove --server target -- x", role: .target, path: "x"),
    Case(command: "/opt/bin/blkmove --server target -- x", role: .target, path: "x"),
    Case(command: "blkmove-0.1.0 --server target -- x", role: .target, path: "x"),
    Case(command: "blkmove --server target -- 'a b'\\''$(c);d'", role: .target, path: "a b'$(c);d"),
    Case(command: "blkmove --server target -- --server", role: .target, path: "--server"),
    Case(
      command: "blkmove --server target --seed /s1 --seed='/s 2' -- x", role: .target, path: "x",
      seeds: ["/s1", "/s 2"]),
  ]

  @Test(arguments: served)
  func whatAClientOfOursSends(test: Case) throws {
    let restriction = ServeRestriction(paths: ["/srv"])
    guard case .serve(let server) = try restriction.answer(to: test.command) else {
      Issue.record("refused")
      return
    }
    #expect(server.restriction == ["/srv"] && server.mode == .readWrite)
    #expect(server.role == test.role && server.path == test.path && server.seeds == test.seeds)
  }

  static let refused: [(command: String?, sentence: String)] = [
    (nil, "no command was sent"),
    ("", "no command was sent"),
    ("ls", "not for 'ls'"),
    ("sh -c 'blkmove --server target -- x'", "not for"),
    ("--server target -- x", "not for"),
    ("rsync --server target -- x", "not for"),
    ("notblkmove --server target -- x", "not for"),
    ("blkmove", "not for"),
    ("blkmove a b", "not for"),
    ("blkmove serve --restrict /", "not for"),
    ("blkmove --generate man", "not for"),
    ("blkmove --server", "not for"),
    ("blkmove --server=source -- x", "not for"),
    ("blkmove --server nobody -- x", "not for"),
    ("blkmove --server target", "not for"),
    ("blkmove --server target --", "not for"),
    ("blkmove --server target -- ''", "not for"),
    ("blkmove --server target -- a b", "not for"),
    ("blkmove --server target x", "not for"),
    ("blkmove --server target -n -- x", "not for"),
    ("blkmove --server target --log-file /etc/passwd -- x", "not for"),
    ("blkmove --server target -- x; rm -rf /", "not for"),
    ("blkmove --server target -- x | sh", "not for"),
    ("blkmove --server join -- /srv/a.img", "not for"),
    ("blkmove --server join -- ../../run/socket", "not for"),
    ("blkmove --server join -- 00FF", "not for"),
    ("blkmove --server join -- ''", "not for"),
    ("blkmove --server relay -- /run/vm1.qmp", "not for"),
    ("blkmove --server join --", "not for"),
    ("blkmove --server join 00ff", "not for"),
    ("blkmove --server join -- 00ff 00fe", "not for"),
    ("blkmove --server join --seed /etc/passwd -- 00ff", "not for"),
    ("blkmove --server join -- \(String(repeating: "0", count: 65))", "not for"),
    ("blkmove --server target -- 'x", "cannot be read"),
    ("blkmove --server target -- x\\", "cannot be read"),
    (String(repeating: "x ", count: 100_000), "cannot be read"),
  ]

  @Test(arguments: refused)
  func everythingElseIsRefused(command: String?, sentence: String) {
    let restriction = ServeRestriction(paths: ["/srv"])
    let error = #expect(throws: CommandError.self) { try restriction.answer(to: command) }
    #expect(error?.status == .refused)
    #expect(error?.sentence.contains(sentence) == true, "\(error?.sentence ?? "")")
    #expect((error?.sentence.utf8.count ?? 0) < 300)
  }

  @Test(arguments: [Server.Mode.readWrite, .readOnly, .writeOnly])
  func aFurtherConnectionMayJoin(mode: Server.Mode) throws {
    let restriction = ServeRestriction(paths: ["/srv"], mode: mode)
    guard case .join("00ff") = try restriction.answer(to: "blkmove --server join -- 00ff") else {
      Issue.record("it may not")
      return
    }
  }

  @Test func eachModeHasItsRole() throws {
    let source = "blkmove --server source -- x"
    let target = "blkmove --server target -- x"
    #expect(try outcome(.readOnly, source) == nil)
    #expect(try outcome(.readOnly, target) == nil)
    #expect(try outcome(.writeOnly, target) == nil)
    #expect(try outcome(.writeOnly, source)?.contains("x: this key is write-only") == true)
  }

  /// The sentence of a refusal that the client is told.
  private func outcome(_ mode: Server.Mode, _ command: String) throws -> String? {
    let restriction = ServeRestriction(paths: ["/srv"], mode: mode)
    switch try restriction.answer(to: command) {
    case .serve(let server):
      #expect(server.mode == mode)
      return nil
    case .refuse(let error):
      #expect(error.status == .refused)
      return error.sentence
    case .join:
      return "joined"
    }
  }

  @Test func theSessionServesWhatIsAsked() throws {
    let capture = try Capture()
    var session = Session(
      console: capture.console,
      environment: ["SSH_ORIGINAL_COMMAND": "blkmove --server target -- x"], engine: .idle())
    #expect(session.run(["serve", "--restrict", "/srv", "/dev/vg/a"]) == .done)
    session = Session(console: capture.console, environment: [:], engine: .idle())
    #expect(session.run(["serve", "--restrict", "/srv"]) == .refused)
    #expect(capture.errorText.hasPrefix("blkmove: this key is for blkmove only"))
    #expect(capture.outputText.isEmpty)
  }
}
