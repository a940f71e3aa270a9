// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Testing
import Wire

@testable import Transfer

/// A target against sources that break the rules: each time it must give up with a sentence, and
/// must never trap, hang, or take for complete what is not.
@Suite struct LyingSourceTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var operation = Job.Operation.copy
    var isWhole = false
    /// Nil for a target that does not exist.
    var target: Pages? = old
    var byteCount = new.shape.byteCount
    var status = ExitStatus.remote
    var timeoutSeconds = 10
    var sentence: String
    var script: @Sendable (Peer) throws -> Void
  }

  /// What the target has, and what the source pretends to have: two segments and a page.
  static let old = Pages.content(2 * 256 + 1, tail: [1, 2, 3])
  static let new = Pages.content(2 * 256 + 1, from: 9000, tail: [1, 2, 3])

  struct Ending {
    var error: TransferError
    var failure: Failure?
    /// Under its final name.
    var exists = false
    var isChanged = false
    var isMarked: Bool
  }

  static func run(_ test: Case) throws -> Ending {
    let scratch = Scratch()
    if let old = test.target { scratch.write(old, to: "target.img") }
    let line = Line()
    let job = Job(
      operation: test.operation, serverRole: .target, isWhole: test.isWhole, threadCount: 1)
    let target = try scratch.openTarget(
      "target.img", for: test.byteCount, isDryRun: job.isDryRun)
    let running = Watchdog.Running("the target") {
      Conversation.receive(target, job, line.far, timeoutSeconds: test.timeoutSeconds)
    }
    let peer = Peer(line.near)
    peer.shape = new.shape
    let failure = try peer.play(test.script)
    peer.hangUp()
    guard case .failure(let error) = try running.value() else {
      Issue.record("the target believed it")
      return Ending(error: .lost, failure: failure, isMarked: false)
    }
    return Ending(
      error: error, failure: failure, exists: scratch.exists("target.img"),
      isChanged: test.target.map { !scratch.holds($0, in: "target.img") } ?? false,
      isMarked: !scratch.unfinishedMarks.isEmpty)
  }

  static func begin(_ peer: Peer, number: UInt16 = 1, isFull: Bool = false) {
    peer.say(.pass(PassStart(number: number, isFull: isFull)))
  }

  /// Waits until the target has told all its digests: what a source must do before it announces.
  static func hearDigests(_ peer: Peer) throws {
    var end = 0
    while end < new.shape.segmentCount {
      guard case .segments(let runs) = try peer.hear(.segments) else { return }
      end = runs.range.upperBound
    }
  }

  @Test(arguments: sequences + contents + wholes + orders + estimates + [manyQuestions])
  func isRefused(test: Case) throws {
    let ending = try Self.run(test)
    #expect(ending.error.sentence.contains(test.sentence), "\(ending.error.sentence)")
    #expect(ending.error.status == test.status)
    if ending.error != .lost && !ending.error.isReported {
      #expect(ending.failure?.sentence == ending.error.sentence)
    }
    // Nothing is complete: a new file has no name, and a changed one has a mark.
    #expect(ending.exists == (test.target != nil))
    if ending.isChanged { #expect(ending.isMarked) }
  }

  static let orders = [
    Case(testDescription: "agreed before any pass", sentence: "'agreed' before any pass") {
      $0.say(.agreed)
    },
    Case(testDescription: "the second pass first", sentence: "pass 2 follows pass 0") {
      begin($0, number: 2)
    },
    Case(
      testDescription: "the first pass again", target: nil, sentence: "pass 1 follows pass 1"
    ) { peer in
      // Were it believed, what the first one wrote would be taken for zeros.
      begin(peer)
      peer.say(new.names(of: 0))
      peer.say(.position(3))
      peer.say(new.scanned)
      guard case .want(let wanted) = try peer.hear(.want) else { return }
      peer.say(new.data([wanted]))
      _ = try peer.hear(.settled)
      begin(peer)
      peer.say(.position(3))
      let zeros = Pages(Array(repeating: .zero, count: 513), tail: [0, 0, 0])
      peer.say(zeros.scanned)
      _ = try peer.hear(.settled)
      peer.say(.agreed)
    },
    Case(
      testDescription: "a target's message", sentence: "'want' is not for a target within a pass"
    ) { peer in
      begin(peer)
      peer.say(.want(WantedPages(0, [1])))
    },
    Case(testDescription: "data before a pass", sentence: "'data' between two passes") {
      $0.say(new.data([WantedPages(0, [0])]))
    },
    Case(
      testDescription: "agreed to another image",
      sentence: "'agreed' to an image that is not the source's"
    ) { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(.position(3))
      peer.say(new.scanned)
      _ = try peer.hear(.settled)
      peer.say(.agreed)
    },
    Case(testDescription: "garbage", sentence: "of unknown type") { $0.say([0, 0, 0, 0, 255]) },
    Case(testDescription: "silence", timeoutSeconds: 1, sentence: "nothing has come for 1 second") {
      begin($0)
    },
    Case(testDescription: "the end", sentence: "connection was lost") { peer in
      begin(peer)
      peer.hangUp()
    },
    Case(testDescription: "the end within data", sentence: "connection was lost") { peer in
      begin(peer)
      peer.say(Array(new.data([WantedPages(0, [0])]).dropLast()))
      peer.hangUp()
    },
    Case(testDescription: "a failure", status: .failed, sentence: "unreadable") { peer in
      begin(peer)
      peer.say(.failure(Failure(exitStatus: 1, sentence: "unreadable")))
    },
  ]
}
