// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Testing
import Wire

@testable import Transfer

/// A source against targets that break the rules: each time it must give up with a sentence, and
/// must never trap, hang or say that all is well.
@Suite struct LyingTargetTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var operation = Job.Operation.copy
    var isWhole = false
    var startsZero = false
    var status = ExitStatus.remote
    var timeoutSeconds = 10
    var sentence: String
    /// After the source has begun its first pass; the image has two segments and a page.
    var script: @Sendable (Peer) throws -> Void
  }

  static let image = Pages.content(2 * 256 + 1, tail: [1, 2, 3])
  static let other = Pages.content(2 * 256 + 1, from: 9000, tail: [1, 2, 3])

  /// What the source says, and what it tells the target.
  static func run(_ test: Case) throws -> (TransferError, Failure?) {
    let scratch = Scratch()
    scratch.write(image, to: "source.img")
    let source = try scratch.openSource("source.img")
    let line = Line()
    let target = TargetDescription(
      byteCount: source.byteCount, startsZero: test.startsZero, isNew: false,
      wasUnfinished: false, name: "target", notes: [])
    let job = Job(
      operation: test.operation, serverRole: .target, isWhole: test.isWhole, compression: .none)
    let running = Watchdog.Running("the source") {
      Conversation.send(source, to: target, job, line.near, timeoutSeconds: test.timeoutSeconds)
    }
    let failure = try play(test, Peer(line.far))
    switch try running.value() {
    case .success:
      Issue.record("the source believed it")
      return (.lost, failure)
    case .failure(let error):
      return (error, failure)
    }
  }

  private static func play(_ test: Case, _ peer: Peer) throws -> Failure? {
    peer.shape = image.shape
    _ = try peer.hear(.pass)
    return try peer.play(test.script)
  }

  static let cases =
    answers + ends + estimates + [
      Case(
        testDescription: "segments that do not follow each other",
        sentence: "segments out of order"
      ) { peer in
        var runs = SegmentRuns(first: 1, width: .short)
        runs.append(other.digests(of: 1).digest)
        peer.say(.segments(runs))
      },
      Case(testDescription: "segments twice", sentence: "segments out of order") { peer in
        peer.say(other.segmentRuns())
        peer.say(other.segmentRuns())
      },
      Case(testDescription: "segments past the end", sentence: "segments") { peer in
        var runs = SegmentRuns(first: 0, width: .short)
        runs.append(zeroSegments: 4)
        peer.say(.segments(runs))
      },
      Case(testDescription: "a page past the end is wanted", sentence: "past the end") { peer in
        peer.say(.want(WantedPages(2, [2])))
      },
      Case(testDescription: "a segment past the end is wanted", sentence: "segment") { peer in
        peer.say(.want(WantedPages(3, [0])))
      },
      Case(testDescription: "no page is wanted", sentence: "no page") { peer in
        peer.say(.want(WantedPages(0, [])))
      },
      Case(
        testDescription: "more is wanted than may be on its way",
        sentence: "more pages are asked for than may be on their way"
      ) { peer in
        let want = Message.want(WantedPages(0, [0, 1, 2, 3])).encoded()
        for _ in 0..<70 { peer.say(Array(repeatElement(want, count: 1000).joined())) }
      },
      Case(testDescription: "a source's message", sentence: "'pass' is not for a source") {
        $0.say(.pass(PassStart(number: 1, isFull: false)))
      },
      Case(testDescription: "garbage", sentence: "of unknown type") { peer in
        peer.say([0, 0, 0, 0, 255, 1, 2, 3])
      },
      Case(
        testDescription: "silence", timeoutSeconds: 1, sentence: "nothing has come for 1 second"
      ) { _ in },
      Case(testDescription: "the end", sentence: "connection was lost") { $0.hangUp() },
      Case(testDescription: "the end within a message", sentence: "payload") { peer in
        peer.say(Array(other.segmentRuns().encoded().dropLast()))
        peer.hangUp()
      },
      Case(
        testDescription: "a failure", status: .refused, sentence: "no, thank you"
      ) { peer in
        peer.say(.failure(Failure(exitStatus: 6, sentence: "no, thank you")))
      },
    ]

  @Test(arguments: cases)
  func isRefused(test: Case) throws {
    let (error, failure) = try Self.run(test)
    #expect(error.sentence.contains(test.sentence), "\(error.sentence)")
    #expect(error.status == test.status)
    if error != .lost && !error.isReported && error.status != .failed {
      #expect(failure?.sentence == error.sentence)
    }
  }
}
