// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

/// What the kernel refuses at either end: both ends stop with one sentence that names the end, the
/// object, the operation and the place, the target is not complete, and a rerun ends equal.
@Suite struct FaultTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var end: TransferError.End
    var call: SystemCall.Name
    var error = EIO
    var skipping = 0
    var range: Range<UInt64>?
    var target: Pages? = old
    var isWhole = false
    var verifies = false
    /// What the sentence must have besides the object.
    var sentence: String
    /// Everything is under the final name, and only its last flush failed.
    var isNamed = false

    var testDescription: String {
      "\(end): \(call) after \(skipping)\(isWhole ? ", unasked" : "")"
    }
  }

  /// Content, zeros and holes; the target is rotated, so that it copies, zeros and asks.
  static let image = Pages(
    (0..<1000).map { (number: UInt64) -> Pages.Page in
      switch number % 100 {
      case 0..<10: .zero
      case 10..<20: .hole
      default: .content(number)
      }
    }, tail: [1])
  static let old = Pages(
    (0..<1000).map { (number: Int) -> Pages.Page in
      number < 500 ? image.pages[999 - number] : .content(UInt64(number + 5000))
    }, tail: [2])

  static let page250: Range<UInt64> = 250 * 4096..<251 * 4096
  static let page750: Range<UInt64> = 750 * 4096..<751 * 4096

  static let reading = [
    Case(end: .source, call: .read, sentence: ": read 512 bytes at 0: Input/output error"),
    Case(end: .source, call: .read, range: page750, sentence: "at 3000 KiB: Input/output error"),
    Case(
      end: .source, call: .read, skipping: 1, range: page250,
      sentence: "at 1000 KiB: Input/output error"),
    Case(
      end: .source, call: .read, skipping: 1, range: page750, isWhole: true,
      sentence: "at 3000 KiB: Input/output error"),
    Case(end: .source, call: .status, sentence: ": look at it: Input/output error"),
    Case(end: .target, call: .read, sentence: ": read 512 bytes at 0: Input/output error"),
    Case(end: .target, call: .read, range: page750, sentence: "at 3000 KiB: Input/output error"),
    Case(
      end: .target, call: .read, skipping: 1, range: page750,
      sentence: "at 3000 KiB: Input/output error"),
  ]

  static let writing = [
    Case(end: .target, call: .write, error: ENOSPC, sentence: "No space left on device"),
    Case(end: .target, call: .write, skipping: 2, sentence: ": write "),
    Case(
      end: .target, call: .write, error: ENOSPC, range: page750, target: nil,
      sentence: "No space left on device"),
    Case(
      end: .target, call: .write, error: EFBIG, range: page750, isWhole: true,
      sentence: "File too large"),
    Case(end: .target, call: .punchHole, sentence: ": zero "),
    Case(end: .target, call: .punchHole, isWhole: true, sentence: ": zero "),
    Case(end: .target, call: .synchronizeData, sentence: ": flush: Input/output error"),
    Case(
      end: .target, call: .synchronizeData, error: ENOSPC, target: nil,
      sentence: ": flush: No space left on device"),
    Case(
      end: .target, call: .truncate, error: EFBIG, target: nil, sentence: "File too large"),
    Case(end: .target, call: .synchronize, target: nil, sentence: ": flush: Input/output error"),
    Case(end: .target, call: .rename, error: EACCES, target: nil, sentence: ": rename: Permission"),
    Case(
      end: .target, call: .rename, target: nil, verifies: true,
      sentence: ": rename: Input/output error"),
    Case(
      end: .target, call: .synchronize, skipping: 1, target: nil,
      sentence: ": flush its directory: Input/output error", isNamed: true),
  ]

  @Test(arguments: reading + writing)
  func isToldAtBothEnds(test: Case) throws {
    let scratch = Scratch()
    scratch.write(Self.image, to: "source.img")
    if let target = test.target { scratch.write(target, to: "target.img") }
    let faults = Faults(
      test.call, fails: test.error, skipping: test.skipping, touching: test.range)
    let job = Job(
      operation: .copy, serverRole: .target, isWhole: test.isWhole,
      verifiesTarget: test.verifies, threadCount: 1)
    // Opened while nothing fails yet.
    let isSource = test.end == .source
    let armed = Armed(faults)
    let source = try scratch.openSource("source.img", isSource ? armed : nil)
    let target = try scratch.openTarget(
      "target.img", for: source.byteCount, isSource ? nil : armed)
    armed.arm()
    let ending = try Conversation(job: job, source: source, target: target).run()
    try check(ending, test)
    #expect(scratch.exists("target.img") == (test.target != nil || test.isNamed))
    if test.target != nil, !scratch.holds(Self.old, in: "target.img") {
      #expect(!scratch.unfinishedMarks.isEmpty)
    }

    let again = try Conversation(
      source: try scratch.openSource("source.img"),
      target: try scratch.openTarget("target.img", for: source.byteCount)
    ).run()
    _ = try again.source.get()
    #expect(scratch.holds(Self.image, in: "target.img"))
    #expect(scratch.unfinishedMarks == [])
  }

  @Test func theSourceNeedNotWaitUntilAFailedTargetIsGone() throws {
    let scratch = Scratch()
    scratch.write(Pages((0..<3000).map { .noise($0) }), to: "source.img")
    let source = try scratch.openSource("source.img")
    let faults = Armed(Faults(.write, fails: ENOSPC, skipping: 2))
    let target = try scratch.openTarget("target.img", for: source.byteCount, faults)
    faults.arm()
    let line = Line()
    let job = Job(operation: .copy, serverRole: .source, isWhole: true, compression: .none)
    // As in a client, which then waits for its remote shell with the connection in its hands.
    let connection = Connection(line.far)
    connection.agree(on: ImageShape(byteCount: source.byteCount))
    let receiving = Watchdog.Running("the target") {
      let role = TargetRole(
        image: target, seeds: [], job: job, connection: connection, counters: Counters(),
        giveUp: {})
      return Result { () throws(TransferError) in try role.run().passCount }
    }
    let sending = Watchdog.Running("the source", seconds: 10) {
      Conversation.send(source, to: TargetDescription(target), job, line.near)
    }
    let error = #expect(throws: TransferError.self) { try sending.value().get() }
    #expect(error?.sentence.contains("No space left on device") == true)
    #expect(throws: TransferError.self) { try receiving.value().get() }
    withExtendedLifetime(connection) {}
  }

  private func check(_ ending: Conversation.Ending, _ test: Case) throws {
    let source = #expect(throws: TransferError.self) { try ending.source.get() }
    let target = #expect(throws: TransferError.self) { try ending.target.get() }
    guard let source, let target else { return }
    let (own, other) = test.end == .source ? (source, target) : (target, source)
    #expect(own.end == test.end && other.end == test.end)
    #expect(own.sentence.contains("/\(test.end).img: "), "\(own.sentence)")
    #expect(own.sentence.contains(test.sentence), "\(own.sentence)")
    #expect(own.status == .failed)
    #expect(!own.isReported && other.isReported)
    #expect(other.sentence == own.sentence && other.status == own.status)
    #expect(other.hint == own.hint)
  }
}
