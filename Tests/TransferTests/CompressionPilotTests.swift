// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Transfer

@Suite struct CompressionPilotTests {
  /// The level after batches that found the wire as told.
  private static func fly(
    _ pilot: inout CompressionPilot, _ count: Int, isBusy: Bool, byteCount: Int = 1 << 20
  ) {
    for _ in 0..<count { pilot.observe(linkWasBusy: isBusy, rawByteCount: byteCount) }
  }

  @Test(arguments: [
    (Compression.none, nil), (.level(1), 1), (.level(19), 19), (.automatic, 1),
  ])
  func itBeginsAsAsked(compression: Compression, level: Int?) {
    #expect(CompressionPilot(compression).level == level)
  }

  @Test(arguments: [Compression.none, .level(5)])
  func whatIsFixedStays(compression: Compression) {
    var pilot = CompressionPilot(compression)
    let level = pilot.level
    Self.fly(&pilot, 1000, isBusy: true)
    Self.fly(&pilot, 1000, isBusy: false)
    #expect(pilot.level == level)
  }

  @Test func aBusyLinkIsWorthMoreEffort() {
    var pilot = CompressionPilot(.automatic)
    var levels: [Int?] = []
    for _ in 0..<6 {
      Self.fly(&pilot, 6, isBusy: true)
      levels.append(pilot.level)
    }
    #expect(levels == [3, 6, 9, 12, 12, 12])
    Self.fly(&pilot, 6, isBusy: false)
    #expect(pilot.level == 9)
  }

  @Test func oneBatchDecidesNothing() {
    var pilot = CompressionPilot(.automatic)
    for _ in 0..<100 {
      Self.fly(&pilot, 5, isBusy: true)
      Self.fly(&pilot, 1, isBusy: false)
    }
    #expect(pilot.level == 1)
  }

  @Test func littleDataIsNeverSentRaw() {
    var pilot = CompressionPilot(.automatic)
    Self.fly(&pilot, 100, isBusy: false)
    #expect(pilot.level == 1)
    Self.fly(&pilot, 100, isBusy: false)
    #expect(pilot.level == nil)
    Self.fly(&pilot, 6, isBusy: true)
    #expect(pilot.level == -3)
  }
}
