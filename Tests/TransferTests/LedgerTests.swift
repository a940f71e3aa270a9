// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@testable import Transfer

/// The ledger against a naive account: for each segment what it will be, folded at the end.
@Suite struct LedgerTests {
  /// What becomes of one segment.
  private enum Fate {
    /// Both ends have the same.
    case equal
    /// Zero at the source, and not at the target.
    case zeroed
    /// Comes from elsewhere.
    case replaced
  }

  private struct Story {
    var byteCount: UInt64
    /// What the target's scan finds; nil is zero.
    var old: [Digest?]
    var fates: [Fate]
    /// What replaces it.
    var new: [Digest]
    var shape: ImageShape { ImageShape(byteCount: byteCount) }

    init(using random: inout Random) {
      let count = random.pick([1, 2, 5, 40, 300])
      byteCount = UInt64(count) << 20 - random.pick([0, 1, 4096, 1_000_000])
      old = []
      fates = []
      while old.count < count {
        let run = 1 + random.below(6)
        let isZero = random.chance(0.5)
        for _ in 0..<min(run, count - old.count) {
          old.append(isZero ? nil : Digest(random.next(), 1, 1, 1))
          fates.append(random.pick([.equal, .equal, isZero ? .equal : .zeroed, .replaced]))
        }
      }
      new = (0..<count).map { _ in Digest(random.next(), 2, 2, 2) }
    }

    var digest: Digest {
      var folder = TreeFolder(shape: shape)
      for (segment, fate) in fates.enumerated() {
        switch fate {
        case .equal where old[segment] != nil: folder.append(segment: old[segment]!)
        case .equal, .zeroed: folder.appendZeroSegments(1)
        case .replaced: folder.append(segment: new[segment])
        }
      }
      return folder.finish()
    }

    /// Of each segment with content one page is zero; of a replaced one half has changed.
    static func entry(_ digest: Digest, changed: Int = 0) -> Ledger.Entry {
      Ledger.Entry(digest: digest, zeroByteCount: 100, changedByteCount: changed)
    }

    var totals: (equal: UInt64, zero: UInt64) {
      var result: (equal: UInt64, zero: UInt64) = (0, 0)
      for (segment, fate) in fates.enumerated() {
        let length = UInt64(shape.segmentLength(segment))
        switch fate {
        case .equal where old[segment] != nil:
          result.zero += 100
          result.equal += length - 100
        case .equal, .zeroed: result.zero += length
        case .replaced:
          result.zero += 100
          result.equal += length - 100 - 1000
        }
      }
      return result
    }
  }

  /// Tells the ledger a story in an order that the protocol allows, chosen by chance.
  private struct Teller {
    let story: Story
    var ledger: Ledger
    var scanned = 0
    var announced = 0
    var isTold = 0
    var open: [Int] = []
    var hasPendingZeros = false

    init(_ story: Story) {
      self.story = story
      ledger = Ledger(shape: story.shape)
    }

    var isOver: Bool { ledger.isComplete }

    mutating func step(using random: inout Random) {
      switch random.below(5) {
      case 0, 1: scan(using: &random)
      case 2: announce()
      case 3: if announced > isTold { tell() }
      default: settle(using: &random)
      }
    }

    private mutating func scan(using random: inout Random) {
      guard scanned < story.old.count else { return }
      if let digest = story.old[scanned] {
        ledger.scan(Story.entry(digest))
        scanned += 1
      } else {
        let run = story.old[scanned...].prefix { $0 == nil }.count
        let count = 1 + random.below(run)
        ledger.scan(zeroSegments: count)
        scanned += count
      }
    }

    /// The source goes on by one segment.
    private mutating func announce() {
      guard announced < scanned else { return }
      switch story.fates[announced] {
      case .equal: break
      case .zeroed:
        ledger.announceZero(announced..<announced + 1)
        hasPendingZeros = true
      case .replaced:
        ledger.open(announced)
        open.append(announced)
      }
      announced += 1
    }

    private mutating func tell() {
      ledger.announce(upTo: announced)
      isTold = announced
    }

    private mutating func settle(using random: inout Random) {
      if hasPendingZeros && random.chance(0.5) {
        ledger.zerosWritten()
        hasPendingZeros = false
      } else if !open.isEmpty {
        let segment = open.remove(at: random.below(open.count))
        ledger.close(segment, Story.entry(story.new[segment], changed: 1000))
      }
    }
  }

  @Test func anyOrderGivesTheSame() {
    var random = Random.printed()
    for round in 0..<200 {
      let story = Story(using: &random)
      var teller = Teller(story)
      var steps = 0
      while !teller.isOver && steps < 100_000 {
        teller.step(using: &random)
        steps += 1
        // Nothing is final before it is announced, nor while it is open.
        #expect(teller.ledger.foldedCount <= teller.isTold)
        if let first = teller.open.min() { #expect(teller.ledger.foldedCount <= first) }
      }
      let comment: Comment = "seed \(random.seed), round \(round)"
      #expect(teller.isOver, comment)
      #expect(teller.ledger.digest() == story.digest, comment)
      #expect(teller.ledger.totals == story.totals, comment)
      #expect(teller.ledger.waitingDataCount == 0, comment)
      #expect(teller.ledger.scannedCount == story.old.count, comment)
    }
  }

  @Test func whatWaitsIsCounted() {
    var ledger = Ledger(shape: ImageShape(byteCount: 4 << 20))
    ledger.scan(Story.entry(Digest(1, 1, 1, 1)))
    ledger.scan(zeroSegments: 2)
    ledger.scan(Story.entry(Digest(2, 2, 2, 2)))
    #expect(ledger.waitingDataCount == 2)
    ledger.announce(upTo: 1)
    #expect(ledger.waitingDataCount == 1 && ledger.foldedCount == 1)
    ledger.announce(upTo: 0)
    #expect(ledger.announcedCount == 1)
    ledger.announce(upTo: 4)
    #expect(ledger.isComplete && ledger.waitingDataCount == 0)
  }

  @Test func anImageOfNothingIsComplete() {
    let ledger = Ledger(shape: ImageShape(byteCount: 0))
    #expect(ledger.isComplete)
    #expect(ledger.digest() == TreeFolder(shape: ImageShape(byteCount: 0)).finish())
  }

  @Test func hugeRunsOfZerosCostNothing() {
    let shape = ImageShape(byteCount: 1 << 60)
    var ledger = Ledger(shape: shape)
    ledger.scan(zeroSegments: shape.segmentCount)
    ledger.announce(upTo: 1 << 39)
    ledger.open(shape.segmentCount - 1)
    ledger.close(shape.segmentCount - 1, Story.entry(Digest(1, 2, 3, 4)))
    ledger.announce(upTo: shape.segmentCount - 1)
    #expect(ledger.foldedCount == shape.segmentCount - 1)
    ledger.announce(upTo: shape.segmentCount)
    #expect(ledger.isComplete)
  }
}
