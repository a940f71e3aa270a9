// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Testing

@testable import Transfer

@Suite struct LocalRunTests {
  private static func run(
    _ settings: Settings = Settings(), counters: Counters = Counters()
  ) -> LocalRun {
    LocalRun(settings: settings, counters: counters)
  }

  @Test func aSourceThatChangesWhileItIsVerifiedIsCopiedAgain() throws {
    let scratch = Scratch()
    var image = Pages.content(64 * 256)
    let path = scratch.write(image, to: "source.img")
    let counters = Counters()
    let writer = Watchdog.Running("the writer") {
      while counters.snapshot.phase != .verifying { Clock.sleep(seconds: 0.000_2) }
      Pages.write(.content(99), at: 16_000, of: path)
    }
    image.pages[16_000] = .content(99)
    var settings = Settings()
    settings.verifiesTarget = true
    let report = try Self.run(settings, counters: counters)
      .copy(path, to: scratch.file("target.img"))
    try writer.value()
    #expect(report.passCount == 2 && report.isVerified)
    #expect(report.imageDigest == image.imageDigest)
    #expect(scratch.isEqual("source.img", "target.img"))
  }

  @Test func theReportTellsWhatWasDone() throws {
    let scratch = Scratch()
    let path = scratch.write(Pages([.content(1), .hole], tail: [1]), to: "source.img")
    var settings = Settings()
    settings.seeds = ["x"]
    let report = try Self.run(settings).copy(path, to: scratch.file("state"))
    #expect(report.targetName.hasSuffix("/state/source.img"))
    #expect(report.imageByteCount == 8193)
    #expect(report.notes.contains { $0.contains("seeds are of no use") })
    #expect(report.passCount == 1 && report.imageDigest == nil && !report.isVerified)
  }

  @Test func theSourceIsNoTarget() throws {
    let scratch = Scratch()
    let path = scratch.write(Pages.content(3), to: "source.img")
    let error = #expect(throws: TransferError.self) { try Self.run().copy(path, to: path) }
    #expect(error?.status == .refused && error?.end == .target)
    #expect(scratch.holds(Pages.content(3), in: "source.img"))
  }

  @Test func imagesAreComparedAndNamed() throws {
    let scratch = Scratch()
    var other = Pages.content(300)
    let one = scratch.write(other, to: "one.img")
    let two = scratch.write(other, to: "two.img")
    #expect(try Self.run().verify(one, against: two).isEqual)
    #expect(try Self.run().digest(of: one) == other.imageDigest)
    other.pages[20] = .zero
    scratch.write(other, to: "two.img")
    var report = try Self.run().verify(one, against: two)
    #expect(!report.isEqual && report.firstDifference == 20 * 4096)
    #expect(report.differingByteCount == 4096)
    other.pages.removeLast()
    scratch.write(other, to: "two.img")
    report = try Self.run().verify(one, against: two)
    #expect(!report.isEqual && report.firstDifference == 299 * 4096)
  }

  @Test func whatIsMissingIsNamed() throws {
    let scratch = Scratch()
    let path = scratch.write(Pages.content(3), to: "source.img")
    let missing = scratch.file("missing.img")
    let source = #expect(throws: TransferError.self) { try Self.run().copy(missing, to: "x") }
    #expect(source?.end == .source && source?.status == .failed)
    let target = #expect(throws: TransferError.self) {
      try Self.run().verify(path, against: missing)
    }
    #expect(target?.end == .target && target?.sentence.contains("missing.img") == true)
    let image = #expect(throws: TransferError.self) { try Self.run().digest(of: missing) }
    #expect(image?.sentence.contains("No such file") == true)
  }
}
