// SPDX-License-Identifier: Apache-2.0

import Transfer

/// Turns counters into rates and a time that is left, from what happened in the last seconds.
///
/// It promises to invent nothing: before it has measured, and while nothing moves, there is no rate
/// and no time left.
struct ProgressMeter {
  /// The counters with what follows from them.
  struct Reading: Equatable, Sendable {
    var figures = Counters.Snapshot()
    var elapsedSeconds = 0.0
    /// Content sent a second; nil when none was, lately.
    var sendingRate: Double?
    /// Image compared a second; nil when none was, lately.
    var scanningRate: Double?
    var secondsLeft: Double?
  }

  /// How far back a rate looks: long enough to be steady, short enough to follow.
  static let windowSeconds = 8.0
  /// A rate from less than this is noise.
  static let leastSeconds = 0.5
  /// Nobody waits that long; it means that almost nothing moves.
  static let mostSecondsLeft = 1_000.0 * 3600

  var sampleCount: Int { samples.count }

  private struct Sample {
    var seconds: Double
    var figures: Counters.Snapshot
  }

  private var samples: [Sample] = []
  private var begin: Double?

  /// - Parameter seconds: a clock that only goes forward.
  mutating func read(_ figures: Counters.Snapshot, at seconds: Double) -> Reading {
    let begin = begin ?? seconds
    self.begin = begin
    if let last = samples.last, Self.isFresh(start: figures, after: last.figures) { samples = [] }
    samples.append(Sample(seconds: seconds, figures: figures))
    while samples.count > 2, samples[1].seconds < seconds - Self.windowSeconds {
      samples.removeFirst()
    }
    var reading = Reading(figures: figures, elapsedSeconds: seconds - begin)
    guard let first = samples.first, seconds - first.seconds >= Self.leastSeconds else {
      return reading
    }
    let window = seconds - first.seconds
    reading.sendingRate = Self.rate(first.figures.sent, figures.sent, window)
    reading.scanningRate = Self.rate(first.figures.scanned, figures.scanned, window)
    reading.secondsLeft = Self.secondsLeft(first.figures, figures, window)
    return reading
  }

  /// A further pass begins at the front again; what was measured says nothing of it.
  private static func isFresh(
    start figures: Counters.Snapshot, after last: Counters.Snapshot
  ) -> Bool {
    figures.scanned < last.scanned || figures.phase != last.phase
      || figures.imageByteCount != last.imageByteCount
  }

  private static func rate(_ before: UInt64, _ after: UInt64, _ seconds: Double) -> Double? {
    after > before ? Double(after - before) / seconds : nil
  }

  /// What is still to be scanned at the pace of scanning, and what is known to be missing at the
  /// pace of sending. Scanning that waits for the wire is slow by itself, so nothing counts twice.
  private static func secondsLeft(
    _ before: Counters.Snapshot, _ after: Counters.Snapshot, _ seconds: Double
  ) -> Double? {
    guard after.phase == .comparing || after.phase == .verifying else { return nil }
    let unscanned = after.imageByteCount - min(after.scanned, after.imageByteCount)
    let parts = [
      (amount: unscanned, rate: rate(before.scanned, after.scanned, seconds)),
      (amount: after.wanted, rate: rate(before.sent, after.sent, seconds)),
    ]
    var left = 0.0
    for part in parts where part.amount > 0 {
      guard let rate = part.rate else { return nil }
      left += Double(part.amount) / rate
    }
    return left > 0 && left < mostSecondsLeft ? left : nil
  }
}
