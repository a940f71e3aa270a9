// SPDX-License-Identifier: Apache-2.0

/// How long a pause would be, part by part.
package struct Forecast: Equatable, Sendable {
  /// Until the writer stands still.
  package var pausing: Double
  /// Until it is known what was written last.
  package var taking: Double
  /// Reading, naming and sending that.
  package var sending: Double
  /// Until it is on the targets' disks, and has been read back.
  package var settling: Double
  /// Until the targets are in their places.
  package var finishing: Double

  package init(
    pausing: Double, taking: Double, sending: Double, settling: Double, finishing: Double
  ) {
    self.pausing = pausing
    self.taking = taking
    self.sending = sending
    self.settling = settling
    self.finishing = finishing
  }

  package var seconds: Double { pausing + taking + sending + settling + finishing }
}

/// What the rounds have shown so far, from which the next pause is predicted.
///
/// It is on the safe side: what small rounds take without reason is taken for what they need, and
/// of what was measured lately the worse counts.
package struct Experience: Equatable, Sendable {
  /// Bytes a second that go over the lines, all images together.
  package private(set) var linkRate: Double?
  /// Bytes a second that are read and compared.
  package private(set) var readRate: Double = Experience.assumedReadRate
  /// What goes over the lines for a byte that was reported as written.
  package private(set) var sendShare = 1.0
  /// Bytes a second that are written to the images.
  package private(set) var dirtyRate = 0.0
  /// A round trip and a flush, where little is on its way.
  package private(set) var settling = Experience.assumedSettling
  package private(set) var taking = Experience.assumedTaking
  package var pausing: Double
  /// How many times longer rounds took than was predicted of them: the flush of much takes longer
  /// than that of little, and of what was written last more has to be sent.
  package private(set) var surprise = Experience.usualSurprise
  private var shareIsKnown = false

  private static let assumedReadRate = 500e6
  private static let assumedSettling = 0.02
  private static let assumedTaking = 0.005
  /// Measured on guests that write at a half of the line's rate.
  private static let usualSurprise = 1.15
  private static let greatestSurprise = 2.0
  /// A transfer of less says nothing about the line.
  private static let tellingByteCount: UInt64 = 256 << 10
  /// The rename, the flush of the directory, a tick of the file system's clock.
  private static let renaming = 0.04
  /// No transfer is shorter: names go one way, what is wanted the other.
  private static let shortest = 0.003

  /// - Parameter pausing: how long it takes to pause, as far as is known.
  package init(pausing: Double) { self.pausing = pausing }

  /// Takes in what a round has shown.
  package mutating func learn(_ round: RoundRecord) {
    learnSurprise(round)
    let busy = max(round.transferSeconds, 1e-6)
    if round.wireByteCount >= Self.tellingByteCount {
      // What was handed over need not have arrived: much of it waits on the way, and only when the
      // target says that it has all is it certain.
      let rate = Double(round.wireByteCount) / max(round.seconds - settling, busy, 1e-3)
      // The line was what took the time, or something else that will take it again.
      linkRate = linkRate.map { ($0 + rate) / 2 } ?? rate
    }
    let expected = linkRate.map { Double(round.wireByteCount) / $0 } ?? 0
    if round.readByteCount >= 4 << 20, expected < busy / 2 {
      readRate = max((readRate + Double(round.readByteCount) / busy) / 2, 1)
    }
    guard round.number > 0 else { return }
    if round.dirtyByteCount >= Self.tellingByteCount / 4 {
      let share = Double(round.wireByteCount) / Double(round.dirtyByteCount)
      sendShare = shareIsKnown ? max(share, (sendShare + share) / 2) : share
      shareIsKnown = true
    }
    if round.wireByteCount < Self.tellingByteCount {
      settling = max(round.settlingSeconds, (settling + round.settlingSeconds) / 2)
    }
    if round.gatheringSeconds > 0 {
      dirtyRate = Double(round.dirtyByteCount) / round.gatheringSeconds
    }
  }

  /// Before the round changes what is believed: it is held against what was.
  private mutating func learnSurprise(_ round: RoundRecord) {
    guard round.number > 0, round.wireByteCount >= Self.tellingByteCount else { return }
    let expected = sending(round.dirtyByteCount, round.readByteCount) + settling
    let ratio = round.seconds / expected
    surprise = min(max(ratio, (surprise + ratio) / 2, Self.usualSurprise), Self.greatestSurprise)
  }

  private func sending(_ dirtyByteCount: UInt64, _ readByteCount: UInt64) -> Double {
    let wire = Double(dirtyByteCount) * sendShare / (linkRate ?? Self.assumedLinkRate)
    return Self.shortest + wire + Double(readByteCount) / readRate
  }

  package mutating func learn(taking seconds: Double) {
    taking = max(seconds, (taking + seconds) / 2)
  }

  /// What a pause would take now. Of what is `late` nothing is known but how much it may be.
  package func forecast(
    dirtyByteCount: UInt64, readByteCount: UInt64, lateByteCount: UInt64 = 0
  ) -> Forecast {
    let late = Double(lateByteCount) / (linkRate ?? Self.assumedLinkRate)
    return Forecast(
      pausing: pausing, taking: taking,
      sending: sending(dirtyByteCount, readByteCount) * surprise + late,
      settling: settling, finishing: settling + Self.renaming)
  }

  /// Until something was sent.
  private static let assumedLinkRate = 12e6
}
