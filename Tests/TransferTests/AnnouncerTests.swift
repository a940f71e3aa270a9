// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@testable import Transfer

@Suite struct AnnouncerTests {
  /// An announcer, and what it shares with the other threads.
  private struct Stage {
    let shape: ImageShape
    let connection: Connection
    let line = Line()
    let state = Monitor(SourceState())
    let tasks = BoundedQueue<PageSender.Task>(capacity: 1000)
    var announcer: Announcer

    init(
      _ comparison: Announcer.Comparison, _ shape: ImageShape, of pages: Pages = Pages([.zero])
    ) {
      self.shape = shape
      connection = Connection(line.near)
      announcer = Announcer(
        image: MemoryImage(pages), shape: shape, width: .short, comparison: comparison,
        connection: connection,
        state: state, sender: tasks, counters: Counters())
    }

    mutating func announce(_ pages: Pages) throws {
      var zero = 0..<0
      for segment in 0..<shape.segmentCount {
        let digests = pages.digests(of: segment)
        if digests.isZero {
          zero = (zero.isEmpty ? segment : zero.lowerBound)..<segment + 1
          continue
        }
        if !zero.isEmpty { try announcer.announce(.zero(zero)) }
        zero = 0..<0
        try announcer.announce(.data(segment: segment, digests: digests))
      }
      if !zero.isEmpty { try announcer.announce(.zero(zero)) }
      announcer.finish()
    }

    func heard(by peer: Peer? = nil) throws -> [Message] {
      let peer = peer ?? Peer(line.far)
      let stopping = Watchdog.Running("stopping") { [connection] in connection.stop() }
      var messages: [Message] = []
      while let message = try peer.hear() { messages.append(message) }
      try stopping.value()
      return messages
    }
  }

  /// A segment a letter: a, b ... are content, a dot is zero.
  private static func image(_ letters: String) -> Pages {
    Pages(
      letters.unicodeScalars.flatMap { letter -> [Pages.Page] in
        (0..<256).map { letter == "." ? .zero : .content(UInt64(letter.value) << 20 + $0) }
      })
  }

  private static func runs(_ letters: String) -> SegmentRuns {
    var runs = SegmentRuns(first: 0, width: .short)
    let pages = image(letters)
    for segment in 0..<pages.shape.segmentCount {
      let digests = pages.digests(of: segment)
      if digests.isZero {
        runs.append(zeroSegments: 1)
      } else {
        runs.append(digests.digest)
      }
    }
    return runs
  }

  /// What is said of each message, in short.
  private static func outline(_ messages: [Message]) -> String {
    messages.map { message in
      switch message {
      case .zero(let range): "zero \(range.first)+\(range.count)"
      case .groups(let groups): "groups \(groups.segment)"
      case .pages(let names): "pages \(names.segment)"
      case .position(let segment): "position \(segment)"
      default: message.name
      }
    }.joined(separator: ", ")
  }

  struct Case: Sendable {
    var source: String
    var target: String
    var said: String
  }

  @Test(arguments: [
    Case(source: "abc", target: "abc", said: "position 3"),
    Case(source: "abc", target: "axc", said: "groups 1, position 3"),
    Case(source: "abc", target: "...", said: "pages 0, pages 1, pages 2, position 3"),
    Case(source: "...", target: "abc", said: "zero 0+3, position 3"),
    Case(source: "....", target: "ab.c", said: "zero 0+2, zero 3+1, position 4"),
    Case(source: ".a.", target: "xxx", said: "zero 0+1, groups 1, zero 2+1, position 3"),
    Case(source: ".a..", target: "..xx", said: "pages 1, zero 2+2, position 4"),
  ])
  func itSaysWhereTheTargetDiffers(test: Case) throws {
    var stage = Stage(.withDigests, Self.image(test.source).shape)
    let isTaken = stage.state.update { $0.runs.append(Self.runs(test.target)) }
    #expect(isTaken)
    try stage.announce(Self.image(test.source))
    #expect(Self.outline(try stage.heard()) == test.said, "\(test)")
  }

  @Test(arguments: [
    ("abc", "pages 0, pages 1, pages 2, position 3"), ("a.c", "pages 0, pages 2, position 3"),
    ("...", "position 3"),
  ])
  func anEmptyTargetIsToldWhatIsThere(source: String, said: String) throws {
    var stage = Stage(.withZero(asGroups: false), Self.image(source).shape)
    try stage.announce(Self.image(source))
    #expect(Self.outline(try stage.heard()) == said)
  }

  @Test func aTargetThatAsksNothingGetsEverything() throws {
    var stage = Stage(.none, Self.image("a..b").shape)
    try stage.announce(Self.image("a..b"))
    #expect(Self.outline(try stage.heard()) == "zero 1+2, position 4")
    #expect(stage.tasks.count == 2)
  }

  /// Where only the groups are remembered the pages are looked at again.
  @Test func namesAreMadeOfWhatIsOnlyRemembered() throws {
    let pages = Self.image("a")
    let known = pages.digests(of: 0)
    let remembered = SegmentDigests.remembered(
      groups: known.groups, zeroPages: known.zeroPages, pageCount: known.pageCount)
    var stage = Stage(.withZero(asGroups: false), pages.shape, of: pages)
    try stage.announcer.announce(.data(segment: 0, digests: remembered))
    let peer = Peer(stage.line.far)
    peer.shape = pages.shape
    guard case .pages(let names) = try peer.hear(.pages) else { return }
    #expect(names.nonzeroPages.count == 256)
    #expect(names.names == NameList(known.pages, width: .short))
    #expect(!stage.state.peek { $0.hasChanged })
  }

  @Test func soManySegmentsAreInQuestionAndNoMore() throws {
    let limit = WireLimits.segmentsInQuestion
    let digests = Self.image("a").digests(of: 0)
    let stage = Stage(.withDigests, ImageShape(byteCount: 4096 << 20))
    var runs = SegmentRuns(first: 0, width: .short)
    for _ in 0...limit { runs.append(Digest(1, 2, 3, 4)) }
    stage.state.update { [runs] in _ = $0.runs.append(runs) }
    let announcing = Watchdog.Running("announcing") {
      var stage = stage
      for segment in 0...limit {
        try! stage.announcer.announce(.data(segment: segment, digests: digests))
      }
    }
    let peer = Peer(stage.line.far)
    for _ in 0..<limit { _ = try peer.hear(.groups) }
    Clock.sleep(seconds: 0.05)
    #expect(stage.state.peek { $0.inFlight.count } == limit)
    stage.state.update { $0.inFlight[7] = nil }
    try announcing.value()
    #expect(Self.outline(try stage.heard(by: peer)).hasSuffix("groups \(limit)"))
  }

  @Test(arguments: [Announcer.Comparison.withZero(asGroups: false), .withDigests])
  func soManyNamesAreOpenAndNoMore(comparison: Announcer.Comparison) throws {
    let image = Self.image("a")
    let stage = Stage(comparison, image.shape)
    stage.state.update { state in
      _ = state.runs.append(Self.runs("b"))
      state.namedCount = WireLimits.openNameCount - UInt64(PageNames.largestOpenCost - 1)
    }
    let announcing = Watchdog.Running("announcing") {
      var stage = stage
      try! stage.announce(image)
    }
    Clock.sleep(seconds: 0.05)
    let named = stage.state.peek { $0.namedCount + $0.reservedCount }
    #expect(named == WireLimits.openNameCount - UInt64(PageNames.largestOpenCost - 1))
    stage.state.update { $0.closedCount = 1 }
    try announcing.value()
    let after = stage.state.peek { $0.openNameCount }
    #expect(after == WireLimits.openNameCount)
    stage.connection.stop()
  }

  @Test(arguments: [Announcer.Comparison.withDigests, .withZero(asGroups: false), .none])
  func whoeverFailsIsHeardAtOnce(comparison: Announcer.Comparison) throws {
    // A disk of zeros may take hours to read.
    let image = Self.image("..")
    var stage = Stage(comparison, image.shape)
    stage.state.fail(.lost)
    #expect(throws: TransferError.lost) { try stage.announcer.announce(.zero(0..<1)) }
    stage.connection.stop()
  }

  @Test func itWaitsForTheTargetsDigestsAndTellsHowFarItIs() throws {
    let image = Self.image("abcd")
    let stage = Stage(.withDigests, image.shape)
    let peer = Peer(stage.line.far)
    let announcing = Watchdog.Running("announcing") { [stage] in
      var stage = stage
      try! stage.announce(image)
    }
    var runs = SegmentRuns(first: 0, width: .short)
    runs.append(image.digests(of: 0).digest)
    let first = runs
    stage.state.update { _ = $0.runs.append(first) }
    #expect(try peer.hear() == .position(1))
    runs = SegmentRuns(first: 1, width: .short)
    for segment in 1..<4 { runs.append(image.digests(of: segment).digest) }
    let rest = runs
    stage.state.update { _ = $0.runs.append(rest) }
    try announcing.value()
    #expect(Self.outline(try stage.heard(by: peer)) == "position 4")
  }
}
