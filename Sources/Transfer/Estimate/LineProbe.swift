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
  /// What passes in less tells of buffers, not of the line.
  private static let leastMicroseconds: UInt64 = 1000

  /// Bytes a second; nil when it went too fast to tell.
  func measure() throws(TransferError) -> UInt64? {
    let start = now()
    var rate: UInt64?
    for (round, byteCount) in Self.rounds.enumerated() {
      let before = now()
      let count = try run(byteCount)
      let after = now()
      rate = Self.rate(count) ?? rate
      guard round + 1 < Self.rounds.count else { break }
      let growth = Double(Self.rounds[round + 1]) / Double(byteCount)
      if after - start + (after - before) * growth > Self.seconds { break }
    }
    return rate
  }

  private func run(_ byteCount: Int) throws(TransferError) -> ProbeCount {
    var generator = SystemRandomNumberGenerator()
    var left = byteCount
    while left > 0 {
      let piece = min(left, WireLimits.probeFillerByteCount)
      left -= piece
      send(Probe(endsRound: left == 0, filler: Self.noise(piece, using: &generator)))
    }
    return try receive()
  }

  /// Bytes that no compression on the way makes less of.
  private static func noise(
    _ byteCount: Int, using generator: inout SystemRandomNumberGenerator
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount + 8)
    while bytes.count < byteCount {
      unsafe withUnsafeBytes(of: generator.next()) { unsafe bytes.append(contentsOf: $0) }
    }
    bytes.removeLast(bytes.count - byteCount)
    return bytes
  }

  private static func rate(_ count: ProbeCount) -> UInt64? {
    guard count.microseconds >= leastMicroseconds, count.byteCount > 0 else { return nil }
    let rate = Double(count.byteCount) * 1_000_000 / Double(count.microseconds)
    return UInt64(exactly: rate.rounded()).map { max($0, 1) }
  }
}
