// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

/// A source that is written to while it is copied: it is noticed and settled by a further pass, or
/// it is said that it cannot be.
@Suite struct ChangingSourceTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var isWhole = false
    var target: Pages? = old
    /// What the page becomes when it is about to be sent.
    var page = 300
    var becomes = Pages.Page.content(77_777)
  }

  static let image = Pages.content(3 * 256 + 7, from: 5000, tail: [4, 5, 6])
  static let old = Pages.content(3 * 256 + 7, from: 1, tail: [4, 5, 6])

  static let cases = [
    Case(testDescription: "other content"),
    Case(testDescription: "zeros", becomes: .zero),
    Case(testDescription: "content that the target has", becomes: old.pages[9]),
    Case(testDescription: "content of another page", becomes: image.pages[700]),
    Case(testDescription: "other content for a new target", target: nil),
    Case(testDescription: "zeros for a new target", target: nil, becomes: .zero),
    Case(testDescription: "other content, unasked", isWhole: true),
    Case(testDescription: "other content, unasked and new", isWhole: true, target: nil),
    Case(testDescription: "zeros, unasked", isWhole: true, becomes: .zero),
  ]

  /// Changes the page when it is read for the second time: the first time is the scan's.
  private static func changing(
    _ test: Case, _ path: String, everyPass: Bool = false
  ) -> Faults {
    let (page, content) = (test.page, test.becomes)
    let range = image.shape.pageRange(page)
    return Faults(on: .read, where: { $0.touches(range) }) { number in
      if number == 1 { Pages.write(content, at: page, of: path) }
      if everyPass { Pages.write(.content(UInt64(90_000 + number)), at: page, of: path) }
      return .proceed
    }
  }

  @Test(arguments: cases)
  func whatChangesIsSettledByAnotherPass(test: Case) throws {
    let scratch = Scratch()
    scratch.write(Self.image, to: "source.img")
    if let target = test.target { scratch.write(target, to: "target.img") }
    let source = try scratch.openSource(
      "source.img", Self.changing(test, scratch.file("source.img")))
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    let job = Job(operation: .copy, serverRole: .target, isWhole: test.isWhole)
    let ending = try Conversation(job: job, source: source, target: target).run()
    var image = Self.image
    image.pages[test.page] = test.becomes
    #expect(try ending.source.get().passCount == 2)
    #expect(try ending.source.get().imageDigest == image.imageDigest)
    #expect(try ending.target.get().imageDigest == image.imageDigest)
    #expect(scratch.holds(image, in: "target.img"))
    #expect(scratch.unfinishedMarks == [])
  }

  @Test func whatChangesAndWasNotSentIsNoticedToo() throws {
    let scratch = Scratch()
    scratch.write(Self.image, to: "source.img")
    var nearly = Self.image
    nearly.pages[0] = .content(1)
    scratch.write(nearly, to: "target.img")
    // Page 700 is equal, and changes while page 0 is being sent.
    let path = scratch.file("source.img")
    let faults = Faults(on: .read, where: { $0.touches(0..<1) }) { number in
      if number == 1 { Pages.write(.content(2), at: 700, of: path) }
      return .proceed
    }
    let source = try scratch.openSource("source.img", faults)
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    let ending = try Conversation(source: source, target: target).run()
    var image = Self.image
    image.pages[700] = .content(2)
    #expect(try ending.source.get().passCount == 2)
    #expect(scratch.holds(image, in: "target.img"))
  }

  @Test(arguments: [false, true])
  func whatNeverStandsStillIsGivenUp(isNew: Bool) throws {
    let scratch = Scratch()
    scratch.write(Self.image, to: "source.img")
    if !isNew { scratch.write(Self.old, to: "target.img") }
    let test = Case(testDescription: "")
    let source = try scratch.openSource(
      "source.img", Self.changing(test, scratch.file("source.img"), everyPass: true))
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    let ending = try Conversation(source: source, target: target).run()
    let error = #expect(throws: TransferError.self) { try ending.source.get() }
    #expect(error?.sentence.contains("changed during each of 5 passes") == true)
    #expect(error?.status == .failed)
    let other = #expect(throws: TransferError.self) { try ending.target.get() }
    #expect(other?.sentence == error?.sentence)
    #expect(other?.end == .source && other?.status == .failed)
    // What is there is not taken for complete, and a rerun ends equal.
    #expect(isNew ? !scratch.exists("target.img") : !scratch.unfinishedMarks.isEmpty)
    scratch.write(Self.image, to: "source.img")
    let again = try Conversation(
      source: try scratch.openSource("source.img"),
      target: try scratch.openTarget("target.img", for: source.byteCount)
    ).run()
    #expect(try again.source.get().passCount == 1)
    #expect(again.targetCounters.sent <= 4096)
    #expect(scratch.holds(Self.image, in: "target.img"))
  }

  @Test func aSourceThatBecomesSmallerIsAnError() throws {
    let scratch = Scratch()
    scratch.write(Self.image, to: "source.img")
    let path = scratch.file("source.img")
    let faults = Faults(on: .read) { number in
      if number == 1 { truncate(path, 1 << 20) }
      return .proceed
    }
    let source = try scratch.openSource("source.img", faults)
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    let job = Job(operation: .copy, serverRole: .target, threadCount: 1)
    let ending = try Conversation(job: job, source: source, target: target).run()
    let error = #expect(throws: TransferError.self) { try ending.source.get() }
    #expect(error?.sentence.contains("source.img") == true)
    #expect(error?.sentence.contains("became smaller during the run") == true)
    #expect(!scratch.exists("target.img"))
  }

  @Test func aLocalSourceThatChangesIsCopiedAgain() throws {
    let scratch = Scratch()
    scratch.write(Self.image, to: "source.img")
    let path = scratch.file("source.img")
    let range = Self.image.shape.pageRange(300)
    let faults = Faults(on: .read, where: { $0.touches(range) }) { number in
      // After it was read, before the next segment is.
      if number == 0 { Pages.write(.content(3), at: 1, of: path) }
      return .proceed
    }
    let source = try scratch.openSource("source.img", faults)
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    var settings = Settings()
    settings.threadCount = 1
    let counters = Counters()
    let copy = LocalCopy(source: source, target: target, settings: settings, counters: counters)
    let before = try source.currentIdentity()
    try copy.pass(number: 1)
    #expect(try source.currentIdentity() != before)
    try copy.pass(number: 2)
    try copy.synchronize()
    try copy.complete()
    var image = Self.image
    image.pages[1] = .content(3)
    #expect(scratch.holds(image, in: "target.img"))
  }
}
