// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Transfer

@Suite struct CompressionPilotTests {
  /// A link, the processor before it and the end behind it, by what each can take in a second.
  struct World: CustomTestStringConvertible, Sendable {
    var testDescription: String
    /// Compressed bytes.
    var wire = 1e12
    /// Bytes before compression.
    var farEnd = 1e12
    /// How much slower the processor is than the levels in `speeds` say.
    var load = 1.0

    /// What one processor makes of files of a system: bytes a second, and their ratio.
    static let speeds: [Int: (speed: Double, ratio: Double)] = [
      -3: (900e6, 1.9), 1: (530e6, 2.5), 3: (350e6, 2.6), 6: (120e6, 2.75), 9: (60e6, 2.8),
      12: (30e6, 2.85),
    ]

    func rate(_ level: Int?) -> (rate: Double, isBusy: Bool) {
      let (speed, ratio) = level.map { Self.speeds[$0]! } ?? (5e9, 1)
      let taken = min(wire * ratio, farEnd)
      return (min(speed / load, taken), taken < speed / load)
    }
  }

  /// Sends so much, and gives the share of the bytes that went at each level.
  private static func fly(
    _ pilot: inout CompressionPilot, through world: World, byteCount: Int
  ) -> [Int?: Double] {
    var shares: [Int?: Double] = [:]
    let batch = 1 << 20
    for _ in 0..<byteCount / batch {
      let (rate, isBusy) = world.rate(pilot.level)
      shares[pilot.level, default: 0] += Double(batch) / Double(byteCount)
      let seconds = Double(batch) / rate
      pilot.observe(linkWasBusy: isBusy, rawByteCount: batch, seconds: seconds)
    }
    return shares
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
    for index in 0..<2000 {
      pilot.observe(linkWasBusy: index < 1000, rawByteCount: 1 << 20, seconds: 1)
    }
    #expect(pilot.level == level)
  }

  /// Where each world is at home, after what it takes to find that out.
  static let worlds: [(World, Int?)] = [
    (World(testDescription: "a slow link", wire: 2e6), 12),
    (World(testDescription: "100 Mbit/s", wire: 12e6), 9),
    (World(testDescription: "1 Gbit/s", wire: 120e6), 3),
    (World(testDescription: "a fast link", wire: 2e9), nil),
    (World(testDescription: "ssh on a busy machine", wire: 300e6, load: 2), -3),
    (World(testDescription: "a slow disk", farEnd: 400e6), 1),
    (World(testDescription: "a disk that is slower than our processor", farEnd: 40e6), 1),
    (World(testDescription: "a pipe to a machine that has enough to do", farEnd: 1.2e9), nil),
  ]

  @Test(arguments: worlds)
  func itFindsWhereItIsFastest(world: World, level: Int?) {
    var pilot = CompressionPilot(.automatic)
    _ = Self.fly(&pilot, through: world, byteCount: 2 << 30)
    let shares = Self.fly(&pilot, through: world, byteCount: 16 << 30)
    // The rest are trials, which become rare.
    #expect(shares[level, default: 0] > 0.9, "\(shares)")
  }

  @Test func itNoticesThatTheWorldIsAnother() {
    var pilot = CompressionPilot(.automatic)
    for (world, level) in [Self.worlds[3], Self.worlds[1], Self.worlds[3]] {
      _ = Self.fly(&pilot, through: world, byteCount: 6 << 30)
      let shares = Self.fly(&pilot, through: world, byteCount: 2 << 30)
      #expect(shares[level, default: 0] > 0.8, "\(world): \(shares)")
    }
  }

  @Test(arguments: [(false, 192), (true, 16)])
  func littleDataIsNeverSentRaw(isFirstCopy: Bool, mebibytes: Int) {
    let world = World(testDescription: "a fast link")
    var pilot = CompressionPilot(.automatic, isFirstCopy: isFirstCopy)
    let shares = Self.fly(&pilot, through: world, byteCount: mebibytes << 20)
    #expect(Array(shares.keys) == [1])
    _ = Self.fly(&pilot, through: world, byteCount: 2 << 30)
    #expect(pilot.level == nil)
  }
}
