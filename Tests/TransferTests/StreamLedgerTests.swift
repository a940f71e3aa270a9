// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@testable import Transfer

@Suite struct StreamLedgerTests {
  private static let shape = ImageShape(byteCount: 1 << 60)

  private static func digest(_ number: Int) -> Digest { Digest(UInt64(number), 5, 6, 7) }

  private static func folded(_ digests: [Digest?], byteCount: UInt64) -> Digest {
    var folder = TreeFolder(shape: ImageShape(byteCount: byteCount))
    for digest in digests {
      if let digest { folder.append(segment: digest) } else { folder.appendZeroSegments(1) }
    }
    return folder.finish()
  }

  private func expectAdvance(_ ledger: inout StreamLedger, _ steps: [(Int, Bool)]) {
    for (position, isAllowed) in steps {
      let advanced = ledger.advance(to: position)
      #expect(advanced == isAllowed, "\(position)")
    }
  }

  @Test func whatWasFoundIsOverlaid() {
    var ledger = StreamLedger(shape: Self.shape, startsZero: false)
    ledger.scan(Self.digest(0))
    ledger.scan(zeros: 2)
    ledger.scan(Self.digest(3))
    ledger.scan(zeros: 10)
    #expect(ledger.scanEnd == 14)
    #expect(ledger.maySpeak(of: 1) && !ledger.maySpeak(of: 14))
    ledger.begin(1)
    #expect(!ledger.maySpeak(of: 1))
    expectAdvance(&ledger, [(4, true), (3, false), (15, false)])
    #expect(!ledger.maySpeak(of: 2))
    var finished = ledger.finish(byteCount: 5 << 20)
    #expect(finished == nil)
    ledger.change(1, to: Self.digest(11))
    ledger.change(4, to: Self.digest(44))
    #expect(!ledger.maySpeak(of: 4))
    expectAdvance(&ledger, [(5, true)])
    let expected = Self.folded(
      [Self.digest(0), Self.digest(11), nil, Self.digest(3), Self.digest(44)],
      byteCount: 5 << 20)
    finished = ledger.finish(byteCount: 5 << 20)
    #expect(finished == expected)
  }

  @Test func whatStartsAsZeroIsNotScanned() {
    var ledger = StreamLedger(shape: Self.shape, startsZero: true)
    #expect(ledger.maySpeak(of: 1_000_000))
    ledger.change(2, to: Self.digest(2))
    expectAdvance(&ledger, [(3, true)])
    let expected = Self.folded([nil, nil, Self.digest(2)], byteCount: 3 << 20)
    let finished = ledger.finish(byteCount: 3 << 20)
    #expect(finished == expected)
  }

  @Test(.timeLimit(.minutes(1))) func zerosCostNothing() {
    var ledger = StreamLedger(shape: Self.shape, startsZero: true)
    ledger.change(1 << 39, to: Self.digest(2))
    expectAdvance(&ledger, [(1 << 40, true)])
    let byteCount = UInt64(1) << 60
    var folder = TreeFolder(shape: Self.shape)
    folder.appendZeroSegments(1 << 39)
    folder.append(segment: Self.digest(2))
    folder.appendZeroSegments((1 << 39) - 1)
    let finished = ledger.finish(byteCount: byteCount)
    #expect(finished == folder.finish())
  }

  @Test func theScanDoesNotRunAway() {
    var ledger = StreamLedger(shape: Self.shape, startsZero: false)
    for number in 0..<StreamLedger.leadLimit {
      #expect(ledger.mayScan)
      ledger.scan(Self.digest(number))
    }
    #expect(!ledger.mayScan)
    expectAdvance(&ledger, [(1, true)])
    #expect(ledger.mayScan)
  }
}
