// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

/// Either role against well-formed messages in an order that chance chose: it must end, whatever
/// is said, and whoever says "done" must have what was agreed on.
@Suite struct BabbleTests {
  /// More rounds than usual when the environment asks for them.
  private static let roundCount =
    getenv("BLKMOVE_TEST_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 60

  /// Says things by chance, and hears without listening.
  private struct Babbler {
    let pages: Pages
    let other: Pages
    var width = DigestWidth.short
    var random: Random

    init(using random: inout Random) {
      let count = random.pick([0, 1, 256, 300, 520])
      let tail = random.pick([0, 1, 9])
      pages = .random(pageCount: count, tail: tail, using: &random)
      other = random.chance(0.5) ? pages : .random(pageCount: count, tail: tail, using: &random)
      self.random = Random(seed: random.next())
    }

    var shape: ImageShape { pages.shape }

    private mutating func segment() -> Int { random.below(max(shape.segmentCount, 1)) }
    private mutating func image() -> Pages { random.chance(0.7) ? pages : other }

    private mutating func groups() -> GroupSet {
      let count = shape.segmentCount == 0 ? 16 : shape.groupCount(inSegment: segment())
      return random.chance(0.5)
        ? GroupSet(firstGroups: count)
        : GroupSet(rawValue: UInt16(truncatingIfNeeded: random.next()))
    }

    private mutating func wanted() -> WantedPages {
      let segment = segment()
      let count = shape.segmentCount == 0 ? 1 : shape.pageCount(inSegment: segment)
      return WantedPages(segment, (0..<count).filter { _ in random.chance(0.3) })
    }

    /// What a source may say.
    mutating func sourceMessage() -> [UInt8] {
      let isEmpty = shape.segmentCount == 0
      switch random.below(14) {
      case 0: return pass()
      case 1, 2: return Message.position(random.below(shape.segmentCount + 1)).encoded()
      case 3, 4:
        let (first, image) = (segment(), image())
        return isEmpty ? [] : image.groups(of: first, width: width).encoded()
      case 5, 6, 7:
        let (first, image) = (segment(), image())
        if isEmpty { return [] }
        let some = groups().intersection(
          GroupSet(firstGroups: shape.groupCount(inSegment: first)))
        let isWhole = random.chance(0.5)
        return image.names(of: first, in: isWhole ? nil : some, width: width).encoded()
      case 8, 9, 10:
        let (wanted, image) = (wanted(), image())
        return isEmpty || wanted.pages.isEmpty
          ? [] : image.data([wanted, wanted].dropLast(random.below(2)))
      case 11:
        let first = segment()
        let count = 1 + random.below(max(shape.segmentCount - first, 1))
        return isEmpty ? [] : Message.zero(SegmentRange(first: first, count: count)).encoded()
      case 12: return image().scanned.encoded()
      default: return random.chance(0.3) ? Message.agreed.encoded() : []
      }
    }

    private mutating func pass() -> [UInt8] {
      guard random.chance(0.3) else { return [] }
      width = random.chance(0.5) ? .short : .full
      return Message.pass(
        PassStart(number: UInt16(1 + random.below(2)), isFull: width == .full)
      ).encoded()
    }

    /// What a target may say.
    mutating func targetMessage() -> [UInt8] {
      let isEmpty = shape.segmentCount == 0
      switch random.below(10) {
      case 0, 1:
        let image = image()
        return isEmpty ? [] : image.segmentRuns(width: width).encoded()
      case 2, 3, 4:
        let mask = GroupMask(segment: segment(), groups: groups())
        return isEmpty ? [] : Message.differ(mask).encoded()
      case 5, 6: return isEmpty ? [] : Message.want(wanted()).encoded()
      case 7: return Message.closed(UInt64(random.below(600))).encoded()
      case 8:
        let settled = Settled(
          imageDigest: image().imageDigest, unsettledPageCount: UInt64(random.below(2)))
        return random.chance(0.3) ? Message.settled(settled).encoded() : []
      default:
        let completion = Completion(isVerified: random.chance(0.5), counters: ProgressCounters())
        return random.chance(0.2) ? Message.done(completion).encoded() : []
      }
    }
  }

  /// Takes what comes, so that nobody waits for us.
  private static func drain(_ descriptor: Int32) -> Watchdog.Running<Void> {
    Watchdog.Running("draining") {
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      while read(descriptor, &chunk, chunk.count) > 0 {}
      close(descriptor)
    }
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var start = 0
    while start < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress! + start, $0.count - start)
      }
      if count <= 0 { return }
      start += count
    }
  }

  @Test func aTargetSurvivesWhateverASourceSays() throws {
    var random = Random.printed()
    for round in 0..<Self.roundCount {
      var babbler = Babbler(using: &random)
      let comment: Comment = "seed \(random.seed), round \(round)"
      let scratch = Scratch()
      if random.chance(0.7) { scratch.write(babbler.other, to: "target.img") }
      let job = Job(
        operation: random.pick([.copy, .copy, .estimate, .measure]), serverRole: .target,
        isWhole: random.chance(0.3), threadCount: 1)
      let target = try scratch.openTarget(
        "target.img", for: babbler.shape.byteCount, isDryRun: job.isDryRun)
      let line = Line()
      let running = Watchdog.Running("the target, \(comment)") {
        Conversation.receive(target, job, line.far)
      }
      let draining = Self.drain(line.near.input)
      Self.write(WireLimits.magic, to: line.near.output)
      Self.write(
        Message.pass(PassStart(number: 1, isFull: false)).encoded(), to: line.near.output)
      for _ in 0..<random.below(60) { Self.write(babbler.sourceMessage(), to: line.near.output) }
      close(line.near.output)
      let result = try running.value()
      try draining.value()
      if case .success(let outcome) = result, job.operation == .copy {
        let image = [babbler.pages, babbler.other].first { $0.imageDigest == outcome.imageDigest }
        #expect(image.map { scratch.holds($0, in: "target.img") } == true, comment)
      }
    }
  }

  @Test func aSourceSurvivesWhateverATargetSays() throws {
    var random = Random.printed()
    for round in 0..<Self.roundCount {
      var babbler = Babbler(using: &random)
      let comment: Comment = "seed \(random.seed), round \(round)"
      let scratch = Scratch()
      scratch.write(babbler.pages, to: "source.img")
      let source = try scratch.openSource("source.img")
      let job = Job(
        operation: random.pick([.copy, .copy, .estimate, .measure, .verify]), serverRole: .target,
        isWhole: random.chance(0.3), threadCount: 1)
      if job.operation == .verify { babbler.width = .full }
      let description = TargetDescription(
        byteCount: source.byteCount, startsZero: random.chance(0.5), isNew: false,
        wasUnfinished: false, name: "", notes: [])
      let line = Line()
      let running = Watchdog.Running("the source, \(comment)") {
        Conversation.send(source, to: description, job, line.near)
      }
      let draining = Self.drain(line.far.input)
      Self.write(WireLimits.magic, to: line.far.output)
      for _ in 0..<random.below(60) { Self.write(babbler.targetMessage(), to: line.far.output) }
      close(line.far.output)
      _ = try running.value()
      try draining.value()
    }
  }
}
