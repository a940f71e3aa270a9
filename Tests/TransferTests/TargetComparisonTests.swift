// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

/// `verify` with both roles in one process, and against sources that break the rules.
@Suite struct TargetComparisonTests {
  private static let job = Job(operation: .verify, serverRole: .target)

  private static func receive(
    _ image: SourceImage, _ end: Line.End, timeoutSeconds: Int? = nil
  ) -> Result<Verdict, TransferError> {
    let connection = Connection(end, timeoutSeconds: timeoutSeconds)
    let comparison = TargetComparison(
      image: image, byteCount: image.byteCount, threadCount: 2, connection: connection,
      counters: Counters())
    defer { connection.stop() }
    do throws(TransferError) {
      return .success(try comparison.run())
    } catch {
      connection.tell(error)
      return .failure(error)
    }
  }

  private static func send(
    _ image: SourceImage, _ end: Line.End
  ) -> Result<Verdict, TransferError> {
    let connection = Connection(end)
    let role = SourceRole(
      image: image, byteCount: image.byteCount, job: job, connection: connection,
      counters: Counters(), giveUp: {})
    connection.agree(on: role.shape)
    let target = TargetDescription(
      byteCount: image.byteCount, startsZero: false, isNew: false, wasUnfinished: false,
      name: "target", notes: [])
    do throws(TransferError) {
      return .success(try role.compare(with: target))
    } catch {
      return .failure(error)
    }
  }

  private static func verify(
    _ source: SourceImage, _ target: SourceImage
  ) throws -> (source: Result<Verdict, TransferError>, target: Result<Verdict, TransferError>) {
    let line = Line()
    let sending = Watchdog.Running("the source") { send(source, line.near) }
    let receiving = Watchdog.Running("the target") { receive(target, line.far) }
    return (try sending.value(), try receiving.value())
  }

  @Test(arguments: ["equal", "changed", "unrelated", "shuffled", "ring", "swapped"])
  func theVerdictIsThatOfBytes(way: String) throws {
    var random = Random.printed(test: "theVerdictIsThatOfBytes(\(way))")
    for _ in 0..<5 {
      let images = ConversationTests.Images(way, using: &random)
      guard let target = images.target else { return }
      let scratch = Scratch()
      scratch.write(images.source, to: "source.img")
      scratch.write(target, to: "target.img")
      let (one, other) = (
        try scratch.openSource("source.img"), try scratch.openSource("target.img")
      )
      let verdicts = try Self.verify(one, other)
      let comment: Comment = "seed \(random.seed): \(images.testDescription)"
      let verdict = try verdicts.source.get()
      #expect(try verdicts.target.get() == verdict, comment)
      let bytes = try LocalComparison(
        source: one, target: other, byteCount: one.byteCount, threadCount: 1, counters: Counters()
      ).run()
      #expect(verdict.isEqual == (bytes.byteCount == 0), comment)
      #expect(verdict.firstDifference == bytes.first, comment)
      #expect(verdict.differingByteCount == bytes.byteCount, comment)
      #expect(verdict.imageDigest == target.imageDigest, comment)
      #expect(scratch.holds(target, in: "target.img"), comment)
    }
  }

  @Test(arguments: [TransferError.End.source, .target], [0, 300, 700])
  func whatCannotBeReadIsToldAtBothEnds(end: TransferError.End, page: UInt64) throws {
    let scratch = Scratch()
    scratch.write(Pages.content(900), to: "source.img")
    scratch.write(Pages.content(900, from: 7000), to: "target.img")
    let faults = Faults(.read, fails: EIO, touching: page * 4096..<page * 4096 + 1)
    let verdicts = try Self.verify(
      try scratch.openSource("source.img", end == .source ? faults : nil),
      try scratch.openSource("target.img", end == .target ? faults : nil))
    let source = #expect(throws: TransferError.self) { try verdicts.source.get() }
    let target = #expect(throws: TransferError.self) { try verdicts.target.get() }
    #expect(source?.sentence == target?.sentence)
    #expect(source?.sentence.contains("/\(end).img: read 512 bytes at ") == true)
    #expect(source?.end == end && target?.end == end)
    #expect(source?.status == .failed && target?.status == .failed)
  }

  struct Lie: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var timeoutSeconds = 10
    var sentence: String
    var script: @Sendable (Peer) throws -> Void
  }

  static let old = Pages.content(2 * 256 + 1, tail: [1])
  static let new = Pages.content(2 * 256 + 1, from: 9000, tail: [1])

  static func begin(_ peer: Peer) {
    peer.say(.pass(PassStart(number: 1, isFull: true)))
  }

  static func hearDigests(_ peer: Peer) throws {
    var end = 0
    while end < old.shape.segmentCount {
      guard case .segments(let runs) = try peer.hear(.segments) else { return }
      end = runs.range.upperBound
    }
  }

  static let lies = [
    Lie(testDescription: "a second pass", sentence: "a second pass of a comparison") { peer in
      begin(peer)
      begin(peer)
    },
    Lie(testDescription: "the end at once", sentence: "its whole image") { peer in
      peer.say(old.scanned)
    },
    Lie(testDescription: "the end too early", sentence: "its whole image") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(.position(2))
      peer.say(old.scanned)
    },
    Lie(testDescription: "data", sentence: "'data' is not for a comparison") { peer in
      begin(peer)
      peer.say(old.data([WantedPages(0, [0])]))
    },
    Lie(testDescription: "zeros twice", sentence: "out of order") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(.zero(SegmentRange(first: 0, count: 2)))
      peer.say(.zero(SegmentRange(first: 0, count: 2)))
    },
    Lie(testDescription: "groups backwards", sentence: "out of order") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(new.groups(of: 1, width: .full))
      peer.say(new.groups(of: 0, width: .full))
    },
    Lie(testDescription: "names that were not asked for", sentence: "not asked for") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(new.groups(of: 0, width: .full))
      _ = try peer.hear(.differ)
      peer.say(new.names(of: 0, in: GroupSet(firstGroups: 1), width: .full))
    },
    Lie(testDescription: "names twice", sentence: "out of order") { peer in
      begin(peer)
      try hearDigests(peer)
      peer.say(new.names(of: 0, width: .full))
      peer.say(new.names(of: 0, width: .full))
    },
    Lie(testDescription: "silence", timeoutSeconds: 1, sentence: "nothing has come") { begin($0) },
    Lie(testDescription: "the end of the line", sentence: "connection was lost") { peer in
      begin(peer)
      peer.hangUp()
    },
  ]

  @Test(arguments: lies)
  func aLieEndsIt(test: Lie) throws {
    let scratch = Scratch()
    scratch.write(Self.old, to: "target.img")
    let target = try scratch.openSource("target.img")
    let line = Line()
    let running = Watchdog.Running("the target") {
      Self.receive(target, line.far, timeoutSeconds: test.timeoutSeconds)
    }
    let peer = Peer(line.near)
    peer.shape = Self.old.shape
    let failure = try peer.play(test.script)
    peer.hangUp()
    let error = #expect(throws: TransferError.self) { try running.value().get() }
    #expect(error?.sentence.contains(test.sentence) == true, "\(error?.sentence ?? "")")
    #expect(error?.status == .remote)
    if error != .lost { #expect(failure?.sentence == error?.sentence) }
  }

  @Test func aSourceThatCallsEverythingEqualIsNotBelieved() throws {
    let scratch = Scratch()
    scratch.write(Self.old, to: "target.img")
    let target = try scratch.openSource("target.img")
    let line = Line()
    let running = Watchdog.Running("the target") { Self.receive(target, line.far) }
    let peer = Peer(line.near)
    peer.shape = Self.old.shape
    Self.begin(peer)
    try Self.hearDigests(peer)
    peer.say(.position(3))
    peer.say(Self.new.scanned)
    guard case .verdict(let verdict) = try peer.hear(.verdict) else { return }
    #expect(!verdict.isEqual && verdict.imageDigest == Self.old.imageDigest)
    peer.hangUp()
    #expect(try !running.value().get().isEqual)
  }
}
