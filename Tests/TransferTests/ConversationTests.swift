// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Testing
import Wire

@testable import Transfer

/// Both roles, with files behind them: whatever the images are, the target becomes the source,
/// and the account of how it did adds up.
@Suite struct ConversationTests {
  /// Two images and how the one is made from the other.
  struct Images {
    var source: Pages
    /// Nil for a target that does not exist.
    var target: Pages?
    var seed: Pages?
    var testDescription: String

    static let ways = [
      "new", "equal", "changed", "unrelated", "forwards", "backwards", "swapped", "shuffled",
      "shorter", "longer", "ring", "seed",
    ]

    init(_ way: String, using random: inout Random) {
      let count = random.pick([1, 2, 15, 16, 17, 255, 256, 257, 300, 1000])
      let tail = random.pick([0, 0, 1, 511, 512, 4095])
      source = .random(pageCount: count, tail: tail, using: &random)
      testDescription = "\(way), \(count) pages and \(tail) bytes"
      target = way == "new" || way == "seed" ? nil : source
      let shift = 1 + random.below(50)
      switch way {
      case "changed":
        for _ in 0..<random.below(20) {
          target!.pages[random.below(count)] = random.pick([
            .hole, .zero, .noise(random.next()), random.pick(source.pages),
          ])
        }
      case "unrelated": target = .random(pageCount: count, tail: tail, using: &random)
      case "forwards":
        target!.pages = (0..<shift).map { .content(UInt64($0)) } + source.pages.dropLast(shift)
      case "backwards":
        target!.pages =
          source.pages.dropFirst(shift)
          + (0..<min(shift, count)).map { .content(UInt64($0)) }
      case "swapped":
        target!.pages = Array(source.pages[(count / 2)...] + source.pages[..<(count / 2)])
      case "shuffled": target!.pages.shuffle(using: &random)
      case "ring": target!.pages = Array(source.pages[1...] + source.pages[..<1])
      case "shorter":
        target!.pages.removeLast(min(shift, count))
        target!.tail = Array(target!.tail.prefix(random.below(3)))
      case "longer": target!.pages += (0..<shift).map { .noise(UInt64($0)) }
      case "seed": seed = Pages(Array(source.pages.reversed()))
      default: break
      }
    }
  }

  @Test(arguments: Images.ways)
  func theTargetBecomesTheSource(way: String) throws {
    var random = Random.printed(test: "theTargetBecomesTheSource(\(way))")
    for _ in 0..<4 {
      let images = Images(way, using: &random)
      let scratch = Scratch()
      scratch.write(images.source, to: "source.img")
      if let target = images.target { scratch.write(target, to: "target.img") }
      if let seed = images.seed { scratch.write(seed, to: "seed.img") }
      let job = Job(
        operation: .copy, serverRole: .target, isWhole: random.chance(0.2),
        keepsSparse: random.chance(0.7), verifiesTarget: random.chance(0.3),
        threadCount: random.below(4), indexMemoryByteCount: random.pick([0, 4096, 64 << 20]),
        compression: random.pick([.automatic, .none, .level(3), .level(19)]))
      let comment: Comment = "seed \(random.seed): \(images.testDescription), \(job)"
      let source = try scratch.openSource("source.img")
      let target = try scratch.openTarget(
        "target.img", for: source.byteCount, keepsSparse: job.keepsSparse)
      let seeds = images.seed == nil ? [] : [try scratch.openSource("seed.img")]
      let ending = try Conversation(job: job, source: source, target: target, seeds: seeds).run()
      #expect(scratch.holds(images.source, in: "target.img"), comment)
      #expect(scratch.unfinishedMarks == [], comment)
      try check(ending, images, job, comment)
    }
  }

  private func check(
    _ ending: Conversation.Ending, _ images: Images, _ job: Job, _ comment: Comment
  ) throws {
    let sent = try ending.source.get()
    let received = try ending.target.get()
    #expect(sent.imageDigest == images.source.imageDigest, comment)
    #expect(received.imageDigest == sent.imageDigest, comment)
    #expect(sent.passCount == 1 && received.passCount == 1, comment)
    #expect(received.isVerified == job.verifiesTarget, comment)
    #expect(sent.completion.isVerified == job.verifiesTarget, comment)
    // Every byte is equal, zero, found or sent, and nothing is still wanted.
    let counters = ending.targetCounters
    let total = counters.equal + counters.zero + counters.found + counters.sent
    #expect(total == UInt64(images.source.byteCount), "\(comment): \(counters)")
    #expect(counters.wanted == 0, comment)
    #expect(counters.phase == .done, comment)
    if images.target == images.source && !job.isWhole { #expect(counters.sent == 0, comment) }
    #expect(ending.sourceCounters.wireSent == counters.wireReceived, comment)
    #expect(ending.sourceCounters.wireReceived == counters.wireSent, comment)
  }

  @Test(arguments: [0, 1, 4095, 4096, 4097, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
  func everySizeIsCopied(byteCount: Int) throws {
    let scratch = Scratch()
    let image = Pages(
      (0..<byteCount / 4096).map { .content(UInt64($0)) },
      tail: [UInt8](repeating: 9, count: byteCount % 4096))
    scratch.write(image, to: "source.img")
    for isWhole in [false, true] {
      let name = "target-\(isWhole).img"
      let source = try scratch.openSource("source.img")
      let target = try scratch.openTarget(name, for: source.byteCount)
      let job = Job(operation: .copy, serverRole: .target, isWhole: isWhole)
      let ending = try Conversation(job: job, source: source, target: target).run()
      #expect(try ending.source.get().imageDigest == image.imageDigest)
      #expect(scratch.holds(image, in: name))
    }
  }

  @Test(arguments: Images.ways, [Job.Operation.estimate, .measure])
  func aDryRunChangesNothingAndForetells(way: String, operation: Job.Operation) throws {
    var random = Random.printed(test: "aDryRunChangesNothingAndForetells(\(way), \(operation))")
    let images = Images(way, using: &random)
    let comment: Comment = "seed \(random.seed): \(images.testDescription)"
    let scratch = Scratch()
    scratch.write(images.source, to: "source.img")
    if let target = images.target { scratch.write(target, to: "target.img") }
    let source = try scratch.openSource("source.img")
    let dry = try scratch.openTarget("target.img", for: source.byteCount, isDryRun: true)
    let job = Job(operation: operation, serverRole: .target)
    let ending = try Conversation(job: job, source: source, target: dry).run()
    #expect(try ending.source.get().passCount == 1, comment)
    #expect(try ending.target.get().passCount == 1, comment)
    if let target = images.target {
      #expect(scratch.holds(target, in: "target.img"), comment)
    } else {
      #expect(!scratch.exists("target.img"), comment)
    }
    let counters = ending.targetCounters
    #expect(counters.sent == 0, comment)
    let measured = try ending.target.get().measurement?.appraisal
    #expect(try ending.source.get().measurement?.appraisal == measured, comment)
    let sampled = measured?.sampledByteCount
    #expect((sampled ?? 0 > 0) == (operation == .measure && counters.wanted > 0), comment)
    #expect(sampled ?? 0 <= counters.wanted, comment)
    let total = counters.equal + counters.zero + counters.found + counters.wanted
    #expect(total == source.byteCount, "\(comment): \(counters)")
    // A copy sends no more than that; less where content comes that is needed twice.
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    let copied = try Conversation(source: source, target: target).run()
    _ = try copied.source.get()
    #expect(copied.targetCounters.sent <= counters.wanted, comment)
    #expect(copied.targetCounters.equal == counters.equal, comment)
    #expect(copied.targetCounters.zero == counters.zero, comment)
  }
}
