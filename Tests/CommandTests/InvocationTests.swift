// SPDX-License-Identifier: Apache-2.0

import Storage
import Testing
import Transfer
import Wire

@testable import blkmove

@Suite struct InvocationTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var line: String
    var task: Invocation.Task

    var testDescription: String { line }
  }

  private static let a = Location.local(path: "a")
  private static func far(_ path: String) -> Location {
    .remote(RemoteLocation(host: "h", path: path))
  }

  static let cases: [Case] = [
    Case(line: "a h:b", task: .copy([a], to: far("b"))),
    Case(line: "h:b a", task: .copy([far("b")], to: a)),
    Case(line: "a a", task: .copy([a], to: a)),
    Case(line: "a dir", task: .copy([a], to: .local(path: "dir"))),
    Case(line: "a h:b dir", task: .copy([a, far("b")], to: .local(path: "dir/"))),
    // Several sources make the target a directory, whoever finds out that it is none.
    Case(line: "a x/b h:d", task: .copy([a, .local(path: "x/b")], to: far("d/"))),
    Case(line: "a b h:d/", task: .copy([a, .local(path: "b")], to: far("d/"))),
    Case(line: "verify a h:b", task: .verify(a, against: far("b"))),
    Case(line: "verify h:b a", task: .verify(far("b"), against: a)),
    Case(line: "digest a h:b a", task: .digest([a, far("b"), a])),
    Case(line: "status a ./b", task: .status(["a", "./b"])),
    Case(
      line: "serve --restrict /s /t",
      task: .serve(ServeRestriction(paths: ["/s", "/t"], mode: .readWrite))),
    Case(
      line: "serve --restrict /s --read-only",
      task: .serve(ServeRestriction(paths: ["/s"], mode: .readOnly))),
    Case(
      line: "serve --restrict s --write-only",
      task: .serve(ServeRestriction(paths: ["s"], mode: .writeOnly))),
    // The path of a server is a path, whatever it looks like.
    Case(line: "--server source -- h:x", task: .server(.source, path: "h:x", seeds: [])),
    Case(
      line: "--server=target --seed s --seed t -- -",
      task: .server(.target, path: "-", seeds: ["s", "t"])),
    Case(line: "--server join -- 00ff", task: .join("00ff")),
    Case(line: "--server relay -- /run/vm1.qmp", task: .relay("/run/vm1.qmp")),
    Case(line: "--generate fish", task: .generate(.fish)),
    Case(line: "--guardian 4711", task: .guardian(of: 4711)),
    Case(line: "-h", task: .help(.copy)),
    Case(line: "verify -h a b c", task: .help(.verify)),
    Case(line: "-V digest", task: .version),
  ]

  @Test(arguments: cases)
  func whatALineMeans(test: Case) throws {
    let words = test.line.split(separator: " ").map(String.init)
    let arguments = try ArgumentParser.parse(words)
    let invocation = try Invocation(arguments, environment: [:]) { $0 == "dir" }
    #expect(invocation.task == test.task)
  }

  @Test func aDirectoryIsOneOnThisMachine() {
    #expect(FileKind.isDirectory("/"))
    #expect(!FileKind.isDirectory("/dev/null"))
    #expect(!FileKind.isDirectory("/no/such/place"))
  }

  // MARK: Settings

  private func settings(
    _ words: [String], environment: [String: String] = [:]
  ) throws -> Settings {
    try Settings(ArgumentParser.parse(words), environment: environment)
  }

  @Test func theDefaultsAreThoseOfTheRun() throws {
    let settings = try settings([])
    let defaults = Settings()
    #expect(settings.remoteShell == defaults.remoteShell && settings.remoteShell == ["ssh"])
    #expect(settings.remoteCommand == ["blkmove"])
    #expect(settings.indexMemoryByteCount == 64 << 20)
    #expect(settings.keepsSparse && !settings.isWhole && !settings.isForced)
    #expect(settings.sizePolicy == .resize && settings.compression == .automatic)
    #expect(settings.bandwidthLimit == nil && settings.timeoutSeconds == nil)
  }

  @Test func theRemoteShellIsTheFirstThatIsNamed() throws {
    let both = ["BLKMOVE_RSH": "b -x", "RSYNC_RSH": "r"]
    #expect(
      try settings(["-e", "e 'two words'"], environment: both).remoteShell == ["e", "two words"])
    #expect(try settings([], environment: both).remoteShell == ["b", "-x"])
    #expect(try settings([], environment: ["RSYNC_RSH": "r"]).remoteShell == ["r"])
    let empty = ["BLKMOVE_RSH": "", "RSYNC_RSH": ""]
    #expect(try settings([], environment: empty).remoteShell == ["ssh"])
    let error = #expect(throws: UsageError.self) {
      try settings([], environment: ["RSYNC_RSH": "ssh \"x"])
    }
    #expect(error?.sentence.hasPrefix("RSYNC_RSH: ") == true)
  }

  @Test func everythingTypedArrives() throws {
    let settings = try settings([
      "-n", "-W", "--no-sparse", "-z=3", "--bwlimit=1M", "--remote-path=sudo blkmove",
      "--timeout=9", "--force", "--size-policy=min", "--threads=3", "--index-memory=2M",
      "--seed=s", "--seed=./a:b", "--atomic",
    ])
    #expect(settings.isDryRun && settings.isWhole && !settings.keepsSparse && settings.isForced)
    #expect(settings.isAtomic)
    #expect(settings.compression == .level(3) && settings.bandwidthLimit == 1 << 20)
    #expect(settings.remoteCommand == ["sudo", "blkmove"] && settings.timeoutSeconds == 9)
    #expect(settings.sizePolicy == .min && settings.threadCount == 3)
    #expect(settings.indexMemoryByteCount == 2 << 20 && settings.seeds == ["s", "./a:b"])
  }

  @Test func aDryRunHasNothingToReadBack() throws {
    #expect(try settings(["--verify"]).verifiesTarget)
    #expect(try !settings(["--verify", "-n"]).verifiesTarget)
  }
}
