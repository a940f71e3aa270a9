// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Transfer

@testable import blkmove

/// Whole calls of the command, with an engine that moves nothing.
@Suite struct SessionTests {
  private let capture: Capture

  init() throws {
    capture = try Capture()
  }

  private func run(
    _ line: String, _ engine: Engine = .idle(), environment: [String: String] = [:]
  ) -> ExitStatus {
    Session(console: capture.console, environment: environment, engine: engine)
      .run(line.split(separator: " ").map(String.init))
  }

  private static let fullDisk = TransferError(
    .target, "/dev/vdb: write 1 MiB at 4 GiB: No space left on device",
    hint: "make room, then run it again", status: .failed)
  private static let cutLine = TransferError(
    .remote, "backup: the connection was lost", status: .remote)

  // MARK: Text

  @Test func aCopyEndsLikeRsyncs() {
    #expect(run("disk.img backup:disk.img") == .done)
    let lines = capture.outputText.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasPrefix("sent 5,000 bytes  received 3,192 bytes  "))
    #expect(lines[0].hasSuffix(" bytes/sec"))
    #expect(lines[1] == "total size is 8,589,934,592  speedup is 1,048,576.00")
    #expect(lines[2] == "equal 8.00 GiB  zero 0 B  found 0 B  sent 4.00 KiB")
    // What is said twice is printed once, and what the other host says can obey nobody.
    #expect(
      capture.errorText == """
        blkmove: note: the target is larger
        backup: disk is \\u{1b}[31mold

        """)
  }

  @Test func aDryRunSaysWhatWouldBe() {
    #expect(run("-n disk.img backup:disk.img") == .done)
    #expect(capture.outputText.contains("(DRY RUN)\n"))
    #expect(capture.outputText.hasSuffix("found 0 B  would send 4.00 KiB\n"))
  }

  @Test func aLimitIsShownAsItWasUnderstood() {
    #expect(run("--bwlimit=10 disk.img backup:disk.img") == .done)
    #expect(
      capture.outputText.hasPrefix("bandwidth limit: 10.0 KiB/s (10,240 bytes a second)\n"))
  }

  @Test func quietSaysErrorsOnly() {
    #expect(run("-q --bwlimit=1M disk.img h:disk.img") == .done)
    #expect(capture.outputText.isEmpty)
    #expect(capture.errorText == "backup: disk is \\u{1b}[31mold\n")
  }

  @Test func verboseSaysWhatAndWhatItStandsOn() {
    #expect(run("-v disk.img h:disk.img") == .done)
    #expect(capture.outputText.hasPrefix("copy: disk.img -> h:disk.img\n"))
    let digest = Engine.testDigest.hexadecimal
    #expect(capture.outputText.contains("disk.img -> h:disk.img: digest \(digest)\n"))
  }

  @Test func theTableHasEveryFigure() {
    #expect(run("--stats --bwlimit=1M disk.img h:disk.img") == .done)
    let lines = capture.outputText.split(separator: "\n")
    for (name, value) in [
      ("Source:", " disk.img"), ("Target:", " h:disk.img"),
      ("Image size:", " 8,589,934,592 bytes (8.00 GiB)"), ("Sent:", " 4,096 bytes (4.00 KiB)"),
      ("Wire, sent:", " 5,000 bytes (4.88 KiB)"), ("Elapsed:", " 1.500 s"),
      ("Bandwidth limit:", " 1.00 MiB/s (1,048,576 bytes a second)"),
    ] {
      #expect(lines.contains { $0.hasPrefix(name) && $0.hasSuffix(value) }, "\(name)")
    }
  }

  @Test func anErrorHasASentenceAndAHint() {
    #expect(run("disk.img h:x", .idle(failing: ["disk.img": Self.fullDisk])) == .failed)
    #expect(capture.outputText.isEmpty)
    #expect(
      capture.errorText == """
        blkmove: target /dev/vdb: write 1 MiB at 4 GiB: No space left on device
        hint: make room, then run it again

        """)
  }

  @Test func oneFailureLeavesTheOthersTheirTurn() {
    let engine = Engine.idle(failing: ["a": Self.fullDisk])
    #expect(run("a b h:dir", engine) == .failed)
    #expect(capture.errorText.contains("No space left"))
    #expect(capture.outputText.contains("total size is 8,589,934,592"))
  }

  @Test func aLostConnectionEndsAll() {
    let engine = Engine.idle(failing: ["a": Self.cutLine])
    #expect(run("a b h:dir", engine) == .remote)
    #expect(capture.outputText.isEmpty)
  }

  @Test func severalSourcesAreSummedUp() {
    #expect(run("a b h:dir") == .done)
    let lines = capture.outputText.split(separator: "\n")
    #expect(lines.count == 5)
    #expect(lines[0] == "a -> h:dir/: equal 8.00 GiB  zero 0 B  found 0 B  sent 4.00 KiB")
    #expect(lines[3].hasPrefix("total size is 17,179,869,184  speedup is "))
  }

  @Test func verifySaysItsVerdict() throws {
    #expect(run("verify disk.img h:disk.img") == .done)
    let digest = Engine.testDigest.hexadecimal
    #expect(
      capture.outputText == """
        equal: disk.img and h:disk.img, 8,589,934,592 bytes (8.00 GiB), digest \(digest)

        """)
    let other = try Capture()
    let session = Session(console: other.console, environment: [:], engine: .idle())
    #expect(session.run(["verify", "other.img", "h:x"]) == .differ)
    #expect(other.outputText == "differ: other.img and h:x, first at byte 4,096\n")
  }

  @Test func aDigestStandsBeforeItsName() {
    #expect(run("-q digest a h:b") == .done)
    let digest = Engine.testDigest.hexadecimal
    #expect(capture.outputText == "\(digest)  a\n\(digest)  h:b\n")
  }

  @Test func helpAndVersionAreAnswers() {
    #expect(run("--version") == .done)
    #expect(capture.outputText == "blkmove \(Program.version)\n")
    #expect(run("-n nonsense -h") == .done)
    #expect(capture.outputText.hasSuffix(Help.text()))
    #expect(run("digest --help") == .done)
    #expect(capture.outputText.hasSuffix(Help.text(for: .digest)))
  }

  @Test func whatIsNotUTF8IsRefused() {
    let session = Session(console: capture.console, environment: [:], engine: .idle())
    #expect(session.run(["a", "?"], unreadable: 2) == .usage)
    #expect(capture.errorText.hasPrefix("blkmove: argument 2 is not valid UTF-8\nhint: "))
  }

  @Test func anAnswerThatCannotBeWrittenIsAFailure() {
    let full = open("/dev/full", O_WRONLY)
    defer { close(full) }
    let console = Console(output: TextOutput(descriptor: full), errors: capture.console.errors)
    for line in ["digest a", "--help", "--version", "--json a b"] {
      let session = Session(console: console, environment: [:], engine: .idle())
      #expect(session.run(line.split(separator: " ").map(String.init)) == .failed, "\(line)")
    }
    #expect(
      capture.errorText.contains("blkmove: standard output: write: No space left on device\n"))
    // The copy itself is done, whoever reads about it.
    let session = Session(console: console, environment: [:], engine: .idle())
    #expect(session.run(["a", "b"]) == .done)
  }
}
