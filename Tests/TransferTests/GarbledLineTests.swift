// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

/// Honest ends on a line that loses, doubles, swaps and changes messages: both must end, and a
/// target that calls itself complete must be the source.
@Suite struct GarbledLineTests {
  /// More rounds than usual when the environment asks for them.
  private static let roundCount =
    getenv("BLKMOVE_TEST_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 40

  private static let ways = ["new", "changed", "unrelated", "forwards", "swapped", "seed"]

  @Test func nothingWrongIsEverComplete() throws {
    var random = Random.printed()
    var completeCount = 0
    for round in 0..<Self.roundCount {
      let images = ConversationTests.Images(random.pick(Self.ways), using: &random)
      let comment: Comment = "seed \(random.seed), round \(round): \(images.testDescription)"
      let scratch = Scratch()
      scratch.write(images.source, to: "source.img")
      if let target = images.target { scratch.write(target, to: "target.img") }
      if let seed = images.seed { scratch.write(seed, to: "seed.img") }
      let job = Job(
        operation: .copy, serverRole: .target, isWhole: random.chance(0.2), threadCount: 2,
        indexMemoryByteCount: random.pick([4096, 1 << 20]),
        compression: random.pick([.none, .level(1)]))
      let source = try scratch.openSource("source.img")
      let target = try scratch.openTarget("target.img", for: source.byteCount)
      let seeds = images.seed == nil ? [] : [try scratch.openSource("seed.img")]
      if try Self.copy(source, target, seeds, job, "\(comment)", using: &random) {
        completeCount += 1
        #expect(scratch.holds(images.source, in: "target.img"), comment)
        #expect(scratch.unfinishedMarks == [], comment)
      } else {
        #expect(scratch.exists("target.img") == (images.target != nil), comment)
      }
    }
    print("GarbledLineTests: \(completeCount) of \(Self.roundCount) were completed")
  }

  /// Whether the target completed.
  private static func copy(
    _ source: SourceImage, _ target: TargetImage, _ seeds: [SourceImage], _ job: Job,
    _ what: String, using random: inout Random
  ) throws -> Bool {
    let (near, far) = (Line(), Line())
    let oneIn = random.pick([3, 10, 30])
    let relays = [
      (near.far.input, far.near.output), (far.near.input, near.far.output),
    ].map { (input, output) in
      let relay = GarblingRelay(oneIn: oneIn, random: Random(seed: random.next()))
      return Watchdog.Running("a relay, \(what)") {
        var relay = relay
        relay.run(from: input, to: output)
      }
    }
    let description = TargetDescription(target)
    let sending = Watchdog.Running("the source, \(what)") {
      Conversation.send(source, to: description, job, near.near)
    }
    let receiving = Watchdog.Running("the target, \(what)") {
      Conversation.receive(target, seeds: seeds, job, far.far)
    }
    let sent = try sending.value()
    let received = try receiving.value()
    for relay in relays { try relay.value() }
    // The source calls nothing done that the target has not completed.
    if case .success = sent, case .failure(let error) = received {
      Issue.record("\(what): the source is content, the target says: \(error.sentence)")
    }
    if case .success = received { return true }
    return false
  }
}
