// SPDX-License-Identifier: Apache-2.0

import Wire

/// Measures how fast the line takes what does not shrink: in rounds that grow, each of which waits
/// for its answer, so that a slow line never has more than it carries in about a second. What
/// counts is the last round, by the clock of the end that receives it.
struct LineProbe {
  /// Sends one probe.
  let send: (Probe) -> Void
  /// Waits for the answer to a round.
  let receive: () throws(TransferError) -> ProbeCount
  var now: () -> Double = { Clock.now }

  private static let rounds = [64 << 10, 256 << 10, 1 << 20, 6 << 20]
  private static let seconds = 1.0
  /// Made beforehand, or making it would be what is measured, and repeated at a distance at which
  /// no compression on the way looks for it.
  private static let noiseByteCount = 1 << 20
  /// What passes in less tells of buffers, not of the line.
  private static let leastMicroseconds: UInt64 = 1000

  /// Bytes a second; nil when it went too fast to tell.
  func measure() throws(TransferError) -> UInt64? {
    let noise = Self.noise(Self.noiseByteCount)
    let start = now()
    var rate: UInt64?
    for (round, byteCount) in Self.rounds.enumerated() {
      let before = now()
      let count = try run(byteCount, noise)
      let after = now()
      rate = Self.rate(count) ?? rate
      guard round + 1 < Self.rounds.count else { break }
      let growth = Double(Self.rounds[round + 1]) / Double(byteCount)
      if after - start + (after - before) * growth > Self.seconds { break }
    }
    return rate
  }

  private func run(_ byteCount: Int, _ noise: [UInt8]) throws(TransferError) -> ProbeCount {
    let piece = WireLimits.probeFillerByteCount
    for start in stride(from: 0, to: byteCount, by: piece) {
      let offset = start % noise.count
      send(
        Probe(
          endsRound: start + piece >= byteCount, filler: Array(noise[offset..<offset + piece])))
    }
    return try receive()
  }

  private static func noise(_ byteCount: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    for _ in 0..<byteCount / 8 {
      unsafe withUnsafeBytes(of: generator.next()) { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  private static func rate(_ count: ProbeCount) -> UInt64? {
    guard count.microseconds >= leastMicroseconds, count.byteCount > 0 else { return nil }
    let rate = Double(count.byteCount) * 1_000_000 / Double(count.microseconds)
    return UInt64(exactly: rate.rounded()).map { max($0, 1) }
  }
}
