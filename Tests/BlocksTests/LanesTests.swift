// SPDX-License-Identifier: Apache-2.0

import CLanes
import Glibc
import Testing

/// Every kernel that this machine has, held against libb2.
@Suite struct LanesTests {
  /// The settings that differ on this machine.
  static let settings = [1, 4, 8, 16].filter { $0 <= lanes_supported() }
  static let personalisations = [
    nil, Array("personalisation!".utf8), Reference.nodePersonalisation(level: 2),
  ]

  /// Hashes messages that are slices of one memory, and checks that 32 bytes a message are
  /// written and no more.
  static func digests(
    of messages: [UnsafeRawPointer?], byteCount: Int, personalisation: [UInt8]?, lanes: Int
  ) -> [[UInt8]] {
    let guardByte: UInt8 = 0xa5
    var result = [UInt8](repeating: guardByte, count: 32 * messages.count + 32)
    lanes_digest_using(lanes, messages, messages.count, byteCount, personalisation, &result)
    #expect(result.suffix(32).allSatisfy { $0 == guardByte }, "wrote past the last digest")
    return (0..<messages.count).map { Array(result[32 * $0..<32 * $0 + 32]) }
  }

  /// Compares all settings with libb2 on messages of one length at the given offsets.
  static func check(
    _ memory: [UInt8], offsets: [Int], byteCount: Int, personalisation: [UInt8]?,
    _ comment: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) {
    memory.withUnsafeBytes { memory in
      let expected = offsets.map {
        Reference.blake2b(
          .init(rebasing: memory[$0..<$0 + byteCount]), personalisation: personalisation)
      }
      let messages = offsets.map { UnsafeRawPointer?(memory.baseAddress! + $0) }
      for lanes in settings {
        let found = digests(
          of: messages, byteCount: byteCount, personalisation: personalisation, lanes: lanes)
        #expect(
          found == expected,
          """
          \(lanes) lanes, \(offsets.count) messages of \(byteCount) bytes, \
          personalisation \(personalisation ?? []) \(comment)
          """, sourceLocation: sourceLocation)
      }
    }
  }

  /// All short lengths, every boundary of blocks near it and beyond, and what chance adds.
  @Test(.timeLimit(.minutes(1))) func agreesForAllLengths() {
    var random = Random.printed()
    var lengths = Set(0...513)
    for blocks in [8, 16, 31, 32, 33, 64, 512, 546] {
      lengths.formUnion([-2, -1, 0, 1, 2].map { 128 * blocks + $0 })
    }
    for _ in 0..<60 { lengths.insert(Int.random(in: 514...5000, using: &random)) }
    for _ in 0..<10 { lengths.insert(Int.random(in: 5001...70_000, using: &random)) }
    lengths.formUnion([69_999, 70_000])
    let memory = random.bytes(70_000 + 64 * 25)
    for length in lengths.sorted() {
      // 25 messages use the widest kernel, the next one with padding, then the scalar one.
      let count = length > 5000 ? 17 : 25
      let offsets = (0..<count).map { 64 * $0 + Int.random(in: 0..<64, using: &random) }
      Self.check(
        memory, offsets: offsets, byteCount: length,
        personalisation: Self.personalisations[length % 3], random.comment)
    }
  }

  @Test(.timeLimit(.minutes(1)), arguments: personalisations)
  func agreesForAllAlignments(personalisation: [UInt8]?) {
    var random = Random.printed()
    let memory = random.bytes(17 * 1100)
    for alignment in 0..<64 {
      for length in [300, 512] {
        let same = (0..<17).map { 1024 * $0 + alignment }
        let mixed = (0..<17).map { 1024 * $0 + (alignment + 11 * $0) % 64 }
        for offsets in [same, mixed] {
          Self.check(
            memory, offsets: offsets, byteCount: length, personalisation: personalisation,
            random.comment)
        }
      }
    }
  }

  @Test(.timeLimit(.minutes(1)), arguments: personalisations)
  func agreesForAllCounts(personalisation: [UInt8]?) {
    var random = Random.printed()
    let memory = random.bytes(1 << 17)
    for count in Array(0...35) + [63, 64, 65, 256] {
      for length in [0, 1, 128, 129, 512, 4096] {
        let offsets = (0..<count).map { _ in Int.random(in: 0..<1 << 16, using: &random) }
        Self.check(
          memory, offsets: offsets, byteCount: length, personalisation: personalisation,
          random.comment)
      }
    }
  }

  /// A page that may not be read lies at both sides of the message.
  @Test func readsNothingOutsideItsMessages() {
    Fenced.withBytes(8192) { bytes in
      for length in [1, 31, 127, 128, 129, 200, 256, 511, 4096, 8191, 8192] {
        for start in [0, bytes.count - length] {
          let message = UnsafeRawPointer?(bytes.baseAddress! + start)
          for lanes in Self.settings {
            for count in [1, 2, 16] {
              let found = Self.digests(
                of: Array(repeating: message, count: count), byteCount: length,
                personalisation: nil, lanes: lanes)
              #expect(Set(found).count == 1)
            }
          }
        }
      }
    }
  }

  struct Wish: Sendable, Codable {
    var text: String?
    var lanes: Int
  }

  /// What the variable says, and how many lanes a machine that has them all then uses.
  static let wishes = [
    Wish(text: nil, lanes: 16), Wish(text: "1", lanes: 1), Wish(text: "4", lanes: 4),
    Wish(text: "8", lanes: 8), Wish(text: "16", lanes: 16), Wish(text: "3", lanes: 1),
    Wish(text: "12", lanes: 8), Wish(text: "1000", lanes: 16), Wish(text: "0", lanes: 16),
    Wish(text: "", lanes: 16), Wish(text: "many", lanes: 16), Wish(text: "-1", lanes: 16),
  ]

  /// Each in a process of its own, because the choice is made once.
  @Test(.timeLimit(.minutes(1)), arguments: wishes)
  func environmentAsksForFewerLanes(wish: Wish) async {
    await #expect(processExitsWith: .success) { [wish] in
      if let text = wish.text {
        setenv("BLKMOVE_LANES", text, 1)
      } else {
        unsetenv("BLKMOVE_LANES")
      }
      let most = LanesTests.settings.last { $0 <= wish.lanes } ?? 1
      exit(lanes_chosen() == most ? EXIT_SUCCESS : EXIT_FAILURE)
    }
  }
}
