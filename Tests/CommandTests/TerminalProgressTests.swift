// SPDX-License-Identifier: Apache-2.0

import Testing
import Transfer

@testable import blkmove

@Suite struct TerminalProgressTests {
  private let capture: Capture
  private let reporter: Reporter
  private let counters = Counters()

  init() throws {
    capture = try Capture()
    reporter = Reporter(Arguments(), operation: .copy, console: capture.console)
    counters.set(.imageByteCount, to: 1000)
    counters.set(.scanned, to: 500)
    counters.enter(.comparing)
  }

  private var subject: TerminalProgress.Subject {
    TerminalProgress.Subject(source: "disk.img", target: "h:x", counters: counters, position: nil)
  }

  @Test func theLineIsRedrawnAndTakenAway() {
    let progress = TerminalProgress(channel: .redrawn, reporter: reporter)
    progress.tick()
    #expect(capture.errorText.isEmpty, "there is no run yet")
    progress.follow(subject)
    progress.tick()
    progress.tick()
    counters.set(.scanned, to: 1000)
    progress.tick()
    progress.rest()
    progress.tick()
    let erase = "\u{1b}[K"
    // A file has no width; then it is 80 columns, the last of which stays free.
    let line = "of 1000 B  found 0 B  sent 0 B"
    #expect(
      capture.errorText
        == "\rscanned 50% of 1000 B  equal 0 B  zero 0 B  found 0 B  sent 0 B\(erase)"
        + "\rscanned 100% of 1000 B  equal 0 B  zero 0 B  found 0 B  sent 0 B\(erase)\r\(erase)",
      "\(line)")
  }

  @Test func aMessageNeverLandsInTheLine() {
    let progress = TerminalProgress(channel: .redrawn, reporter: reporter)
    progress.follow(subject)
    progress.tick()
    reporter.announce(.note("hear"))
    progress.tick()
    capture.console.say(["done"])
    let pieces = capture.errorText.split(separator: "\r", omittingEmptySubsequences: false)
    #expect(pieces.count == 5)
    #expect(pieces[2] == "\u{1b}[Kblkmove: note: hear\n")
    #expect(pieces[4] == "\u{1b}[K")
  }

  @Test func linesHaveNoControlCodes() {
    let progress = TerminalProgress(channel: .lines(capture.console.errors), reporter: reporter)
    progress.follow(subject)
    progress.tick()
    #expect(capture.errorText.isEmpty, "a line a second, not a line a tick")
    counters.enter(.done)
    progress.rest()
    #expect(capture.errorText == "done  equal 0 B  zero 0 B  found 0 B  sent 0 B\n")
  }

  @Test func whoeverAsksIsTold() {
    let progress = TerminalProgress(channel: .none, reporter: reporter)
    #expect(progress.statusLine() == "nothing is being copied")
    progress.follow(subject)
    #expect(
      progress.statusLine()
        == "disk.img: scanned 50% of 1000 B  equal 0 B  zero 0 B  found 0 B  sent 0 B"
        + "  elapsed 0:00")
    progress.tick()
    progress.rest()
    #expect(capture.errorText.isEmpty)
  }

  @Test func anInterruptedRunKeepsItsFigures() throws {
    let progress = TerminalProgress(channel: .none, reporter: reporter)
    #expect(progress.unfinished(.interrupted) == nil)
    progress.follow(subject)
    let image = try #require(progress.unfinished(.interrupted))
    #expect(image.source == "disk.img" && image.target == "h:x")
    #expect(image.figures.scanned == 500 && image.report.imageByteCount == 1000)
    #expect(image.status == .interrupted)
  }
}
