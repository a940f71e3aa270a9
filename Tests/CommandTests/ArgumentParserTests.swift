// SPDX-License-Identifier: Apache-2.0

import Storage
import Live
import Testing
import Transfer
import Wire

@testable import blkmove

@Suite struct ArgumentParserTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var line: String
    var expected: Arguments

    /// Words are separated by spaces, or as they are given.
    init(_ line: String, _ change: (inout Arguments) -> Void) {
      self.line = line
      expected = Arguments()
      change(&expected)
    }

    var testDescription: String { line }
  }

  static let options: [Case] = [
    Case("-n") { $0.isDryRun = true },
    Case("--dry-run") { $0.isDryRun = true },
    Case("--estimate") { ($0.isEstimate, $0.isDryRun) = (true, true) },
    Case("-W") { $0.isWhole = true },
    Case("--whole --no-whole") { $0.isWhole = false },
    Case("-S") { $0.keepsSparse = true },
    Case("--sparse") { $0.keepsSparse = true },
    Case("--no-sparse") { $0.keepsSparse = false },
    Case("--no-sparse -S") { $0.keepsSparse = true },
    Case("-z") { $0.compression = .automatic },
    Case("--compress=auto") { $0.compression = .automatic },
    Case("--compress=none") { $0.compression = .none },
    Case("-z=none") { $0.compression = .none },
    Case("-nz=7") {
      $0.isDryRun = true
      $0.compression = .level(7)
    },
    Case("--no-compress") { $0.compression = .none },
    Case("--compress=1") { $0.compression = .level(1) },
    Case("--compress=19") { $0.compression = .level(19) },
    Case("--seed a.img --seed=b.img") { $0.seeds = ["a.img", "b.img"] },
    Case("--size-policy strict") { $0.sizePolicy = .strict },
    Case("--size-policy=min") { $0.sizePolicy = .min },
    Case("--size-policy=resize") { $0.sizePolicy = .resize },
    Case("--verify") { $0.verifiesTarget = true },
    Case("--verify --no-verify") { $0.verifiesTarget = false },
    Case("--atomic") { $0.isAtomic = true },
    Case("--atomic --no-atomic") { $0.isAtomic = false },
    Case("--live qmp:/run/vm.qmp") { $0.liveMethod = .qmp("/run/vm.qmp") },
    Case("--live=libvirt:web") { $0.liveMethod = .libvirt("web") },
    Case("--live trace") { $0.liveMethod = .trace },
    Case("--max-pause 500ms") { $0.set("--max-pause") { $0.maximumPauseSeconds = 0.5 } },
    Case("--max-rounds=7") { $0.set("--max-rounds") { $0.maximumRoundCount = 7 } },
    Case("--throttle 200") { $0.set("--throttle") { $0.throttle = .writesPerSecond(200) } },
    Case("--throttle=off") { $0.set("--throttle") { $0.throttle = .off } },
    Case("--cutover manual") { $0.set("--cutover") { $0.cutover = .manual } },
    Case("--after=quit") {
      $0.set("--after") { _ in }
      $0.after = .quit
    },
    Case("--pause-cmd halt") { $0.set("--pause-cmd") { $0.pauseCommand = "halt" } },
    Case("--resume-cmd go") { $0.set("--resume-cmd") { $0.resumeCommand = "go" } },
    Case("--with-memory qmp:/run/a:b") {
      $0.set("--with-memory") { $0.memorySocket = "/run/a:b" }
    },
    Case("--incoming-cmd boot") {
      $0.set("--incoming-cmd") { $0.incomingCommand = "boot" }
    },
    Case("--switch-cmd over") { $0.set("--switch-cmd") { $0.switchCommand = "over" } },
    Case("--hook-timeout 2m") { $0.set("--hook-timeout") { $0.hookTimeoutSeconds = 120 } },
    Case("--swap=late") { $0.set("--swap") { $0.swap = .late } },
    Case("-f") { $0.isForced = true },
    Case("--force") { $0.isForced = true },
    Case("-e ssh") { $0.remoteShell = "ssh" },
    Case("-essh") { $0.remoteShell = "ssh" },
    Case("--rsh=ssh") { $0.remoteShell = "ssh" },
    Case("--remote-path bin/blkmove") { $0.remoteCommand = "bin/blkmove" },
    Case("--connections auto") { $0.connections = .automatic },
    Case("--connections=1") { $0.connections = .exactly(1) },
    Case("--connections=16") { $0.connections = .exactly(16) },
    Case("--bwlimit 10M") { $0.bandwidthLimit = 10 << 20 },
    Case("--bwlimit=0") { $0.bandwidthLimit = nil },
    Case("--timeout 30") { $0.timeoutSeconds = 30 },
    Case("--timeout=0") { $0.timeoutSeconds = nil },
    Case("--timeout=1000000") { $0.timeoutSeconds = 1_000_000 },
    Case("--stats") { $0.showsStatistics = true },
    Case("--log-file log") { $0.logFile = "log" },
    Case("-P") { $0.progress = .on },
    Case("--progress") { $0.progress = .on },
    Case("--progress=0") { $0.progress = .descriptor(0) },
    Case("-P=3") { $0.progress = .descriptor(3) },
    Case("--no-progress") { $0.progress = .off },
    Case("--json") { $0.isJSON = true },
    Case("-h") { $0.wantsHelp = true },
    Case("--help") { $0.wantsHelp = true },
    Case("-V") { $0.wantsVersion = true },
    Case("--version") { $0.wantsVersion = true },
    Case("-v") { $0.verbosity = 1 },
    Case("-vv --verbose") { $0.verbosity = 3 },
    Case("-q") { $0.isQuiet = true },
    Case("--quiet -v") { $0.verbosity = 1 },
    Case("-vvq") { $0.isQuiet = true },
    Case("--retry 20") { $0.retryCount = 20 },
    Case("--manifest") { $0.manifest = .byKey },
    Case("--manifest=a.man") { $0.manifest = .path("a.man") },
    Case("--no-manifest") { $0.manifest = .none },
    Case("-c") { $0.readsSource = true },
    Case("--checksum --no-checksum") { $0.readsSource = false },
    Case("--paranoid") { $0.isParanoid = true },
    Case("--trust-target") { $0.trustsTarget = true },
    Case("--spot-checks 0") { $0.spotCheckCount = 0 },
    Case("--spot-checks=65535") { $0.spotCheckCount = 65535 },
    Case("--threads 1") { $0.threadCount = 1 },
    Case("--threads=256") { $0.threadCount = 256 },
    Case("--index-memory 1M") { $0.indexMemoryByteCount = 1 << 20 },
    Case("--index-memory=1T") { $0.indexMemoryByteCount = 1 << 40 },
  ]

  static let rules: [Case] = [
    Case("") { _ in },
    Case("a b") { $0.operands = ["a", "b"] },
    Case("a -n b") {
      $0.operands = ["a", "b"]
      $0.isDryRun = true
    },
    Case("-nWf a") {
      $0.operands = ["a"]
      ($0.isDryRun, $0.isWhole, $0.isForced) = (true, true, true)
    },
    Case("-nessh -W") { ($0.isDryRun, $0.remoteShell, $0.isWhole) = (true, "ssh", true) },
    Case("-ne -W") { ($0.isDryRun, $0.remoteShell) = (true, "-W") },
    Case("-- -n --json") { $0.operands = ["-n", "--json"] },
    Case("a -- verify") { $0.operands = ["a", "verify"] },
    Case("-- verify a b") { $0.operands = ["verify", "a", "b"] },
    Case("- -- -") { $0.operands = ["-", "-"] },
    Case("--log-file -- a") {
      $0.logFile = "--"
      $0.operands = ["a"]
    },
    // A value that may be left out is never the next word.
    Case("-z none") { $0.operands = ["none"] },
    Case("-P 3") { ($0.progress, $0.operands) = (.on, ["3"]) },
    Case("--seed=a=b") { $0.seeds = ["a=b"] },
    // Beginnings of names.
    Case("--dry") { $0.isDryRun = true },
    Case("--d") { $0.isDryRun = true },
    Case("--bw=1M") { $0.bandwidthLimit = 1 << 20 },
    Case("--no-sp") { $0.keepsSparse = false },
    Case("--verb") { $0.verbosity = 1 },
    Case("--vers") { $0.wantsVersion = true },
    Case("--prog=5") { $0.progress = .descriptor(5) },
    // Subcommands.
    Case("verify a b") { ($0.subcommand, $0.operands) = (.verify, ["a", "b"]) },
    Case("-v verify a b") {
      ($0.subcommand, $0.operands, $0.verbosity) = (.verify, ["a", "b"], 1)
    },
    Case("a verify") { $0.operands = ["a", "verify"] },
    Case("verify verify b") { ($0.subcommand, $0.operands) = (.verify, ["verify", "b"]) },
    Case("./verify b") { $0.operands = ["./verify", "b"] },
    Case("status a b") { ($0.subcommand, $0.operands) = (.status, ["a", "b"]) },
    Case("digest a") { ($0.subcommand, $0.operands) = (.digest, ["a"]) },
    Case("serve --restrict /a /b --read-only") {
      $0.subcommand = .serve
      ($0.restrictions, $0.operands, $0.isReadOnly) = (["/a"], ["/b"], true)
    },
    Case("serve --write-only --restrict=/a --restrict=/b") {
      ($0.subcommand, $0.restrictions, $0.isWriteOnly) = (.serve, ["/a", "/b"], true)
    },
    Case("--server target --seed /s -- verify") {
      ($0.subcommand, $0.serverRole) = (.server, .target)
      ($0.seeds, $0.operands) = (["/s"], ["verify"])
    },
    Case("--server join -- 00ff") {
      ($0.subcommand, $0.serverRole, $0.operands) = (.server, .join, ["00ff"])
    },
    Case("--generate=man") { ($0.subcommand, $0.generated) = (.generate, .man) },
  ]

  @Test(arguments: options + rules)
  func whatIsTyped(test: Case) throws {
    let words = test.line.split(separator: " ").map(String.init)
    #expect(try ArgumentParser.parse(words) == test.expected)
  }

  @Test func everyOptionIsInTheTable() {
    let typed = Self.options.map(\.line).joined(separator: " ")
    for flag in FlagTable.flags(of: .copy) {
      #expect(typed.contains("--\(flag.long)"), "\(flag.long)")
      if let short = flag.short { #expect(typed.contains("-\(short)"), "\(flag.long)") }
    }
  }
}

extension Arguments {
  fileprivate mutating func set(_ option: String, _ body: (inout LiveSettings) -> Void) {
    liveOptions.append(option)
    body(&live)
  }
}
