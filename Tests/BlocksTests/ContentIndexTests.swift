// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Blocks

@Suite struct ContentIndexTests {
  /// The location that a test gives to a name, so that it need not remember it.
  static func location(for name: UInt64) -> UInt64 { name &* 3 &+ 1 }

  @Test func findsWhatWasInsertedFirst() {
    var index = ContentIndex(memoryByteCount: 1 << 20)
    let unknown = index.location(of: 7)
    #expect(unknown == nil)
    for name in [7, 8, 1 << 63, UInt64.max] { index.insert(name: name, location: name / 2) }
    index.insert(name: 7, location: 99)
    for name in [7, 8, 1 << 63, UInt64.max] {
      let location = index.location(of: name)
      #expect(location == name / 2)
    }
    let count = index.count
    let isSampled = index.isSampled
    #expect(count == 4)
    #expect(!isSampled)
  }

  /// Every name and every location is as good as any other.
  @Test func zeroAndAllOnesAreNamesAndLocations() {
    var index = ContentIndex(memoryByteCount: 1 << 16)
    for (name, location) in [(0, UInt64.max), (UInt64.max, 0), (1, 0)] as [(UInt64, UInt64)] {
      let before = index.location(of: name)
      #expect(before == nil)
      index.insert(name: name, location: location)
      index.insert(name: name, location: 5)
      let after = index.location(of: name)
      #expect(after == location)
    }
    let count = index.count
    #expect(count == 3)
  }

  @Test func growsWithoutLosingAnything() {
    var random = Random.printed()
    var index = ContentIndex(memoryByteCount: 16 << 20)
    let smallest = index.memoryByteCount
    var names: [UInt64] = []
    for _ in 0..<100_000 {
      let name = random.next()
      names.append(name)
      index.insert(name: name, location: Self.location(for: name))
    }
    let lost = names.filter { index.location(of: $0) != Self.location(for: $0) }
    #expect(lost.isEmpty, "\(random.comment)")
    let found = (0..<100_000).count { _ in index.location(of: random.next()) != nil }
    #expect(found == 0, "\(random.comment)")
    let (count, memory, isSampled) = (index.count, index.memoryByteCount, index.isSampled)
    #expect(count == 100_000)
    #expect(memory > smallest && memory <= 16 << 20)
    #expect(!isSampled)
  }

  /// At every step of the way: right after each doubling and each halving too.
  @Test func everyNameIsFoundAtEverySize() {
    var random = Random.printed()
    var index = ContentIndex(memoryByteCount: 1 << 15)
    var names: [UInt64] = []
    var memory = 0
    var sampleBitCount = 0
    for _ in 0..<20_000 {
      let name = random.next()
      index.insert(name: name, location: Self.location(for: name))
      names.append(name)
      if index.memoryByteCount != memory || index.sampleBitCount != sampleBitCount {
        memory = index.memoryByteCount
        sampleBitCount = index.sampleBitCount
        names.removeAll { $0.trailingZeroBitCount < sampleBitCount }
        let lost = names.filter { index.location(of: $0) != Self.location(for: $0) }
        #expect(lost.isEmpty, "at \(memory) bytes, \(sampleBitCount) bits, \(random.comment)")
        #expect(index.count == names.count)
      }
    }
    #expect(memory == 1 << 15)
    #expect(sampleBitCount >= 3)
  }

  /// Names that all belong near the end of the table, so that they go on at its beginning:
  /// the hardest case for putting entries in order where they stand, by doubling or sampling.
  @Test(arguments: [4096, 1 << 15]) func entriesThatPassTheEndAreFound(byteCount: Int) {
    for seed in 1...100 as ClosedRange<UInt64> {
      var random = Random(seed: seed)
      var index = ContentIndex(memoryByteCount: byteCount)
      var names: [UInt64] = []
      for _ in 0..<400 {
        // The place is taken from the highest bytes of a name, the sample from its lowest bits.
        let name = random.next() | 0xfc << 56
        names.append(name)
        index.insert(name: name, location: Self.location(for: name))
      }
      let bits = index.sampleBitCount
      let lost = names.filter {
        $0.trailingZeroBitCount >= bits && index.location(of: $0) != Self.location(for: $0)
      }
      #expect(lost.isEmpty, "seed \(seed), \(bits) bits")
    }
  }

  struct Budget: Sendable {
    var byteCount: Int
    /// The largest power of two of slots that fits.
    var table: Int
  }

  static let budgets = [
    Budget(byteCount: -1, table: 0), Budget(byteCount: 0, table: 0),
    Budget(byteCount: 4095, table: 0), Budget(byteCount: 4096, table: 4096),
    Budget(byteCount: 8191, table: 4096), Budget(byteCount: 100_000, table: 65_536),
    Budget(byteCount: 1 << 18, table: 1 << 18),
  ]

  @Test(arguments: budgets) func neverExceedsItsBudget(budget: Budget) {
    var random = Random.printed()
    var index = ContentIndex(memoryByteCount: budget.byteCount)
    var most = 0
    for _ in 0..<50_000 {
      let name = random.next()
      index.insert(name: name, location: Self.location(for: name))
      most = max(most, index.memoryByteCount)
    }
    let (count, bits) = (index.count, index.sampleBitCount)
    #expect(most == budget.table)
    #expect(count * 16 <= budget.table)
    #expect((bits > 0) == (budget.table > 0))
  }

  /// What a process really takes while the table grows to its full size, and then samples.
  @Test(.timeLimit(.minutes(1))) func takesNoMemoryForGrowing() async {
    await #expect(processExitsWith: .success) {
      let budget = 32 << 20
      var random = Random(seed: 1)
      var index = ContentIndex(memoryByteCount: budget)
      let before = ContentIndexTests.peakMemoryByteCount
      for _ in 0..<2_000_000 { index.insert(name: random.next(), location: 1) }
      precondition(index.memoryByteCount == budget && index.isSampled)
      let growth = ContentIndexTests.peakMemoryByteCount - before
      precondition(growth > budget / 2, "\(growth): the table was not where it was measured")
      precondition(growth < budget + 1 << 20, "\(growth) bytes")
    }
  }

  /// The most memory that this process has taken so far. (What getrusage says is inherited.)
  static var peakMemoryByteCount: Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    return 1024 * (Int(line.filter(\.isNumber)) ?? 0)
  }

  /// A budget beyond what the system gives makes a smaller index, not a failure.
  @Test(arguments: [1 << 46, 1 << 50, Int.max]) func takesWhatItCanHave(budget: Int) {
    var index = ContentIndex(memoryByteCount: budget)
    for name in 1...UInt64(10_000) { index.insert(name: name << 40, location: name) }
    let (count, memory, isSampled) = (index.count, index.memoryByteCount, index.isSampled)
    let location = index.location(of: 77 << 40)
    #expect(count == 10_000)
    #expect(memory == 1 << 18)
    #expect(!isSampled)
    #expect(location == 77)
  }

  /// Sampling is by value: whoever inserts the same content elsewhere keeps the same names.
  @Test func keepsANameOrNotByItsLowestBits() {
    var random = Random.printed()
    var index = ContentIndex(memoryByteCount: 1 << 16)
    let names = (0..<60_000).map { _ in random.next() }
    for name in names { index.insert(name: name, location: Self.location(for: name)) }
    let bits = index.sampleBitCount
    #expect(bits == 5 || bits == 4)
    for name in names {
      let isKept = name.trailingZeroBitCount >= bits
      let location = index.location(of: name)
      if (location != nil) != isKept || (isKept && location != Self.location(for: name)) {
        Issue.record("name \(name), \(bits) bits, \(random.comment)")
      }
    }
  }

  /// Names that somebody chose so that they all want the same place, or all sample alike.
  @Test(.timeLimit(.minutes(1)), arguments: [0, 8, 24, 40, 48])
  func chosenNamesDoNoHarm(shift: UInt64) {
    var index = ContentIndex(memoryByteCount: 1 << 18)
    for number in 1...UInt64(60_000) { index.insert(name: number << shift, location: number) }
    let (count, memory) = (index.count, index.memoryByteCount)
    #expect(count <= memory / 16)
    var wrong = 0
    for number in 1...UInt64(60_000) {
      if let location = index.location(of: number << shift), location != number { wrong += 1 }
    }
    #expect(wrong == 0)
  }
}
