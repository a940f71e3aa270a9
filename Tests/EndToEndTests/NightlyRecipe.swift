// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// The recipe of docs/nightly.md, as its files stand in contrib/systemd: the units are valid, and
/// the script does what it says, against commands of LVM that work on files.
@Suite(.endsInTime) struct NightlyRecipe {
  private let scratch = Scratch()
  private let group: FakeVolumeGroup
  private static let directory = "\(Tool.checkout)/contrib/systemd"
  private static let script = "\(directory)/blkmove-nightly"

  init() throws {
    group = try FakeVolumeGroup()
  }

  /// A night, whose copies say what they did as objects of JSON.
  private func night(
    to target: String, shell: SecureShell? = nil, exclude: String = "", program: String? = nil
  ) throws -> Command {
    let client = try (shell ?? SecureShell.shared.get()).client
    var command = Command("sh", Self.script, group.name, "backup:\(target)")
    command.environment["PATH"] = "\(group.commandPath):\(Command.plainEnvironment["PATH"]!)"
    command.environment["BLKMOVE"] = program ?? Blkmove.binary
    command.environment["BLKMOVE_RSH"] = client.map(Blkmove.quoted).joined(separator: " ")
    command.environment["BLKMOVE_OPTIONS"] =
      "--trust-target --json --remote-path=\(Blkmove.binary)"
    command.environment["MANIFESTS"] = scratch.path("manifests")
    command.environment["EXCLUDE"] = exclude
    return command
  }

  /// The results of the copies of a night.
  private func results(_ outcome: Outcome) throws -> [[String: Any]] {
    let lines = outcome.output.split(separator: "\n").filter { $0.hasPrefix("{") }
    return try JSONLines(lines.joined(separator: "\n")).ofType("result")
  }

  private func wire(_ result: [String: Any]) -> UInt64 {
    ["wire_sent_bytes", "wire_received_bytes"]
      .reduce(0) { $0 + ((result[$1] as? NSNumber)?.uint64Value ?? .max / 4) }
  }

  @Test func theSecondNightCostsWhatChanged() throws {
    let web = try group.add("web", byteCount: 8 << 20, seed: 1)
    let thin = try group.add("thin", byteCount: 4 << 20, seed: 2)
    // One that is called like a snapshot of ours and is none.
    let kept = try group.add("kept.blkmove", byteCount: 1 << 20, seed: 5)
    for name in ["swap", "pool"] { _ = try group.add(name, byteCount: 1 << 20, seed: 3) }
    // Left behind by a night that ended without a warning.
    _ = try group.add("web.blkmove", byteCount: 1 << 20, seed: 4)
    let names = group.names.filter { $0 != "web.blkmove" }
    let backup = scratch.path("backup", isDirectory: true)
    for number in 1...2 {
      let outcome = try night(to: backup, exclude: "swap other").run()
      #expect(outcome.status == 0, "\(outcome)")
      #expect(group.names == names, "no snapshot is left: \(group.calls)")
      try expectEqual(ImageFile("\(backup)/web"), web)
      try expectEqual(ImageFile("\(backup)/thin"), thin)
      try expectEqual(ImageFile("\(backup)/kept.blkmove"), kept)
      let copies = try FileManager.default.contentsOfDirectory(atPath: backup).sorted()
      #expect(copies == ["kept.blkmove", "thin", "web"])
      let results = try results(outcome)
      #expect(results.count == 3)
      if number == 2 {
        #expect(results.allSatisfy { wire($0) < 20_000 }, "\(outcome)")
      }
      try web.fill(3 << 20..<(3 << 20) + 8192, with: Pattern(seed: UInt64(number) + 10))
    }
    let created = group.calls.filter { $0.hasPrefix("lvcreate") }
    #expect(
      created.suffix(2) == [
        "lvcreate --snapshot --permission r --setactivationskip n --name thin.blkmove vg/thin",
        "lvcreate --snapshot --permission r --setactivationskip n --extents 20%ORIGIN "
          + "--name web.blkmove vg/web",
      ])
    let manifests = try FileManager.default.contentsOfDirectory(atPath: scratch.path("manifests"))
    #expect(manifests.sorted() == ["vg-kept.blkmove", "vg-thin", "vg-web", "vg.lock"])
  }

  /// The key may write to one of the two, as in the document.
  @Test func oneThatFailsDoesNotKeepTheOthers() throws {
    let mail = try group.add("mail", byteCount: 3 << 20, seed: 1)
    for name in ["a-web", "full", "z-web"] { _ = try group.add(name, byteCount: 1 << 20, seed: 2) }
    let names = group.names
    let backup = scratch.path("backup", isDirectory: true)
    let forced = [Blkmove.binary, "serve", "--restrict", "\(backup)/mail", "--write-only"]
    let shell = try SecureShell(forcedCommand: forced.joined(separator: " "))
    let outcome = try night(to: backup, shell: shell).run()
    #expect(outcome.status == 1, "\(outcome)")
    #expect(outcome.error.contains("blkmove-nightly: vg: failed: a-web full z-web"), "\(outcome)")
    #expect(group.names == names, "no snapshot is left: \(group.calls)")
    try expectEqual(ImageFile("\(backup)/mail"), mail)
    #expect(try FileManager.default.contentsOfDirectory(atPath: backup) == ["mail"])
    let removed = group.calls.filter { $0.hasPrefix("lvremove") }
    #expect(removed == ["a-web", "mail", "z-web"].map { "lvremove --yes vg/\($0).blkmove" })
  }

  /// As systemd does it: every process is told.
  @Test(arguments: [SIGTERM, SIGINT])
  func oneThatIsStoppedLeavesNoSnapshot(signal: Int32) throws {
    for name in ["mail", "web"] { _ = try group.add(name, byteCount: 1 << 20, seed: 1) }
    let names = group.names
    let slow = try scratch.writeScript(
      "#!/bin/sh\n: >'\(scratch.path("copies"))'\nexec sleep 60\n", to: "slow")
    let running = try night(to: scratch.path("backup"), program: slow).start()
    let deadline = Date() + 20
    while !FileManager.default.fileExists(atPath: scratch.path("copies")), Date() < deadline {
      usleep(10_000)
    }
    #expect(group.names.contains("mail.blkmove"))
    kill(-running.identifier, signal)
    let outcome = running.wait()
    #expect(outcome.status == 1 && outcome.elapsedSeconds < 30, "\(outcome)")
    #expect(outcome.error.contains("stopped"), "\(outcome)")
    #expect(group.names == names, "no snapshot is left: \(group.calls)")
    #expect(group.calls.filter { $0.hasPrefix("lvcreate") }.count == 1, "nor another begun")
  }

  @Test func itSaysHowItIsCalled() throws {
    let outcome = try Command("sh", Self.script, "vg").run()
    #expect(outcome.status == 2 && outcome.error.hasPrefix("usage: "), "\(outcome)")
  }

  @Test func theScriptCanBeRead() throws {
    try Command.succeed("sh", "-n", Self.script)
    #expect(FileManager.default.isExecutableFile(atPath: Self.script))
  }

  @Test(.enabled(if: Tool.find("shellcheck") != nil, "shellcheck is not installed"))
  func theScriptIsClean() throws {
    try Command.succeed("shellcheck", Self.script)
  }

  @Test(.enabled(if: Tool.find("systemd-analyze") != nil, "systemd-analyze is not installed"))
  func theUnitsAreValid() throws {
    let units = try FileManager.default.contentsOfDirectory(atPath: Self.directory)
      .filter { $0.hasSuffix(".service") || $0.hasSuffix(".timer") }.sorted()
    #expect(units.count == 3)
    // What it starts need not be installed where the tests run.
    for unit in units {
      let text = try String(contentsOfFile: "\(Self.directory)/\(unit)", encoding: .utf8)
      try scratch.write(
        text.replacingOccurrences(of: "/usr/local/sbin/blkmove-nightly", with: Self.script),
        to: unit)
    }
    for unit in units {
      let check = try Command(
        "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", scratch.path(unit)
      ).run()
      #expect(check.status == 0 && check.error.isEmpty, "\(unit): \(check)")
    }
    // It does see what is wrong.
    let wrong = try scratch.write("[Service]\nType=once\nExecStart=/no/such\n", to: "x.service")
    let check = try Command("systemd-analyze", "verify", "--man=no", wrong).run()
    #expect(check.status != 0 || !check.error.isEmpty, "\(check)")
  }

  /// What the document shows is what is there.
  @Test func theDocumentShowsTheFiles() throws {
    let document = try String(contentsOfFile: "\(Tool.checkout)/docs/nightly.md", encoding: .utf8)
    func text(_ name: String) throws -> String {
      try String(contentsOfFile: "\(Self.directory)/\(name)", encoding: .utf8)
    }
    let settings = try text("vg.conf").split(separator: "\n").dropFirst()
    #expect(document.contains(settings.first.map { "\($0)\n" } ?? "?"))
    let timer = try text("blkmove-nightly@.timer").split(separator: "\n")
    let script = try text("blkmove-nightly").split(separator: "\n")
      .filter { $0.contains("trap '") && $0.contains("exit") && $0.hasPrefix("  ") }
    for line in settings + timer.filter({ $0.contains("=") && !$0.hasPrefix("Desc") }) + script {
      let shown = line.trimmingCharacters(in: .whitespaces)
      if shown.hasPrefix("WantedBy") { continue }
      #expect(document.contains(shown), "\(shown)")
    }
    #expect(script.count == 2)
    for name in try FileManager.default.contentsOfDirectory(atPath: Self.directory) {
      #expect(document.contains("`\(name)`"), "\(name)")
    }
  }
}
