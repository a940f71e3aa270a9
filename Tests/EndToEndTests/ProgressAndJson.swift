// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// What a run tells while it goes on and when it is over.
@Suite(.endsInTime) struct ProgressAndJson {
  private let scratch = Scratch()

  private func image(_ byteCount: UInt64 = 8 << 20) throws -> ImageFile {
    try ImageFile.full(in: scratch, named: "disk.img", byteCount: byteCount, seed: 1)
  }

  @Test(arguments: Direction.allCases)
  func jsonIsOneObjectALineAndOneResult(direction: Direction) throws {
    let run = try Blkmove(direction, "--json", "--bwlimit=4M", "--compress=none")
      .copy(image().path, scratch.path("copy.img"))
    expectDone(run)
    let lines = try JSONLines(run.outcome.output)
    let result = try lines.result
    #expect(result["status"] as? Int == 0)
    #expect(lines.objects.first?["type"] as? String == "start")
    #expect(run.outcome.error.isEmpty, "\(run)")
    let images = result["images"] as? [[String: Any]]
    let digest = images?.first?["digest"] as? String
    #expect(digest == nil || digest?.count == 64, "\(run)")
    if direction != .local {
      #expect(!lines.ofType("progress").isEmpty, "two seconds without a word: \(run)")
      let scanned = lines.ofType("progress").compactMap { $0["scanned_bytes"] as? Int }
      #expect(scanned == scanned.sorted())
    }
  }

  @Test(arguments: Direction.allCases)
  func aFailureIsAResultToo(direction: Direction) throws {
    let run = try Blkmove(direction, "--json")
      .copy(scratch.path("missing.img"), scratch.path("copy.img"))
    #expect(run.status == 1, "\(run)")
    let lines = try JSONLines(run.outcome.output)
    #expect(try lines.result["status"] as? Int == 1)
    #expect(lines.ofType("error").first?["message"] as? String != nil, "\(run)")
  }

  @Test func aUsageErrorIsAResultToo() throws {
    let outcome = try Blkmove.plain("--json", "--no-such-option", "a", "b")
    #expect(outcome.status == 2, "\(outcome)")
    #expect(try JSONLines(outcome.output).result["status"] as? Int == 2)
  }

  @Test func verifyAndDigestSpeakJsonToo() throws {
    let image = try image()
    let digest = try Blkmove.plain("digest", "--json", image.path)
    let plain = try Blkmove.plain("digest", image.path)
    let images = try JSONLines(digest.output).result["images"] as? [[String: Any]]
    let name = images?.first?["digest"] as? String ?? "none"
    #expect(name.count == 64 && plain.output.hasPrefix(name), "\(digest) \(plain)")
    let other = try image.copied(to: scratch)
    try other.write(Data([1, 2, 3]), at: 3_000_000)
    let run = try Blkmove(.push, "--json").verify(image.path, other.path)
    #expect(run.status == 3)
    let result = try JSONLines(run.outcome.output).result
    #expect(result["status"] as? Int == 3)
    let difference = (result["images"] as? [[String: Any]])?.first
    #expect(difference?["is_equal"] as? Bool == false, "\(run)")
    let first = (difference?["first_difference"] as? NSNumber)?.uint64Value
    #expect(first.map { $0 <= 3_000_000 && $0 > 3_000_000 - (1 << 20) } ?? true, "\(run)")
  }

  @Test(arguments: Direction.allCases)
  func theClosingLinesAreThoseOfRsync(direction: Direction) throws {
    let run = try Blkmove(direction).copy(image().path, scratch.path("copy.img"))
    expectDone(run)
    let said = run.outcome.output + run.outcome.error
    for word in ["sent", "received", "speedup", "equal", "zero", "found"] {
      if direction == .local && ["received", "speedup"].contains(word) { continue }
      #expect(said.contains(word), "no '\(word)': \(run)")
    }
    #expect(!said.contains("\r"), "no line is redrawn where there is no terminal")
  }

  @Test(arguments: Direction.allCases)
  func quietSaysNothing(direction: Direction) throws {
    let run = try Blkmove(direction, "-q").copy(image().path, scratch.path("copy.img"))
    expectDone(run)
    #expect(run.outcome.output.isEmpty && run.outcome.error.isEmpty, "\(run)")
    let failed = try Blkmove(direction, "-q")
      .copy(scratch.path("missing.img"), scratch.path("copy.img"))
    expectComplaint(failed.outcome, status: 1, "missing.img")
  }

  @Test(arguments: Direction.remote)
  func statsAndVerboseSayMore(direction: Direction) throws {
    let image = try image()
    func said(_ option: String...) throws -> Int {
      var mover = Blkmove(direction)
      mover.options = option
      let run = try mover.copy(image.path, scratch.newPath("copy"))
      expectDone(run)
      return (run.outcome.output + run.outcome.error).count
    }
    let plain = try said()
    #expect(try said("--stats") > plain)
    #expect(try said("-v") > plain)
  }

  @Test(arguments: Direction.allCases)
  func aTerminalSeesOneLineRedrawn(direction: Direction) throws {
    let mover = Blkmove(direction, "--compress=none", "--bwlimit=4M")
    let run = try onATerminal(mover)
    #expect(run.output.contains("\r"), "\(run)")
    #expect(direction == .local || run.output.contains("scanned"), "\(run)")
    #expect(run.output.contains("100%") || direction == .local, "\(run)")
  }

  /// `script` gives the program a terminal.
  private func onATerminal(_ mover: Blkmove) throws -> Outcome {
    let image = try image()
    let client = try SecureShell.shared.get().client.joined(separator: " ")
    var words = [Blkmove.binary] + mover.options
    if mover.direction != .local { words += ["-e", client, "--remote-path", Blkmove.binary] }
    words += [
      mover.place(image.path, isSource: true),
      mover.place(scratch.path("copy.img"), isSource: false),
    ]
    let line = words.map(Blkmove.quoted).joined(separator: " ")
    var command = Command("script", "-qec", line, "/dev/null")
    command.environment["TERM"] = "xterm"
    let outcome = try command.run()
    #expect(outcome.status == 0, "\(outcome)")
    return outcome
  }

  @Test(arguments: ["-P", "--progress"])
  func progressIsShownWhereThereIsNoTerminalToo(option: String) throws {
    let run = try Blkmove(.push, option, "--compress=none", "--bwlimit=4M")
      .copy(image().path, scratch.path("copy.img"))
    expectDone(run)
    let lines = run.outcome.error.split(separator: "\n").filter { $0.contains("scanned") }
    #expect((1...8).contains(lines.count), "about one a second: \(run)")
    #expect(!run.outcome.error.contains("\r"), "\(run)")
  }

  @Test func progressGoesToADescriptor() throws {
    let log = scratch.path("progress.log")
    let client = try SecureShell.shared.get().client.joined(separator: " ")
    let outcome = try Command(
      "bash", "-c", "exec \"$@\" 7>'\(log)'", "bash", Blkmove.binary, "--progress=7",
      "--compress=none",
      "--bwlimit=4M", "-e", client, "--remote-path", Blkmove.binary, image().path,
      "backup:\(scratch.path("copy.img"))"
    ).run()
    #expect(outcome.status == 0, "\(outcome)")
    let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
    #expect(!lines.isEmpty && lines.allSatisfy { !$0.contains("\r") }, "\(lines)")
    let closed = try Blkmove.plain("--progress=9", image().path, scratch.path("other.img"))
    #expect(closed.status == 2 || closed.status == 0, "\(closed)")
    expectNoTrap(closed)
  }

  @Test(arguments: Direction.remote)
  func theStatusSignalPrintsOneLine(direction: Direction) throws {
    let mover = Blkmove(direction, "--compress=none", "--bwlimit=4M")
    let (running, wire) = try mover.start(image().path, scratch.path("copy.img"))
    while wire.wire < 2 << 20 && !running.isOver { usleep(10_000) }
    let before = running.errorSoFar
    running.send(SIGUSR1)
    let deadline = Date() + 3
    while running.errorSoFar == before && Date() < deadline { usleep(10_000) }
    let said = running.errorSoFar.dropFirst(before.count)
    #expect(said.split(separator: "\n").count == 1 && said.contains("%"), "'\(said)'")
    #expect(running.wait().status == 0)
  }

  @Test func theLogIsAppendedTo() throws {
    let log = scratch.path("log")
    for number in 0..<2 {
      let mover = Blkmove(.push, "-q", "--log-file=\(log)")
      expectDone(try mover.copy(image().path, scratch.path("copy-\(number).img")))
    }
    let failed = Blkmove(.push, "-q", "--log-file=\(log)")
    _ = try failed.copy(scratch.path("missing.img"), scratch.path("copy.img"))
    let text = try String(contentsOfFile: log, encoding: .utf8)
    for word in ["copy-0.img", "copy-1.img", "missing.img", "No such file"] {
      #expect(text.contains(word), "no '\(word)': \(text)")
    }
  }
}
