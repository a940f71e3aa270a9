// SPDX-License-Identifier: Apache-2.0

/// Decides when further connections pay, from what is measured while a run goes on.
///
/// One connection of OpenSSH carries a window of two mebibytes a round trip. When the rate is near
/// that, the link may have more to give; when it is far below, the limit is the link, a disk or a
/// processor, and more connections share what there is. Whether they helped shows in the rate.
///
/// Pure: figures in, decisions out.
struct StrandPolicy {
  enum Decision: Equatable {
    case wait
    case open(Int)
    /// No more of them in this run.
    case enough
  }

  /// Bytes that one connection of OpenSSH has on the way at most.
  static let windowByteCount = 2.0 * 1024 * 1024
  /// In a shorter round trip one connection is as fast as a processor can make it.
  static let shortestRoundTrip = 0.004
  static let mostConnections = 8
  /// Opened at once.
  static let stride = 2
  /// Of what the window allows: a connection that reaches less is held up by something else, and
  /// where one reaches more, the round trip was not what it seemed.
  static let windowShare = 0.4...1.3
  /// Of what `--bwlimit` allows: more is not wanted.
  static let limitShare = 0.8
  /// A step that brings less than this was the last.
  static let growth = 1.1
  /// Greeting, key exchange and login take so many round trips; then there must be enough left.
  static let roundTripsToOpen = 15.0
  static let secondsToOpen = 0.3
  static let worthwhile = 2.0

  private let roundTrip: Double
  private let bandwidthLimit: Double?
  /// The rate at which more were opened last.
  private var rateBefore: Double?

  init(roundTrip: Double, bandwidthLimit: UInt64?) {
    self.roundTrip = roundTrip
    self.bandwidthLimit = bandwidthLimit.map { Double($0) }
  }

  /// How long a rate has to be measured to say something.
  var interval: Double { min(max(4 * roundTrip, 0.1), 0.8) }

  /// Whether more connections could ever pay.
  var isWorthAnInvitation: Bool { roundTrip >= Self.shortestRoundTrip }

  /// - Parameters:
  ///   - rate: bytes a second over all connections, in the last interval.
  ///   - left: bytes that are known to be still to come.
  mutating func decide(rate: Double, left: Double, connectionCount: Int) -> Decision {
    if !isWorthAnInvitation || connectionCount >= Self.mostConnections { return .enough }
    if let before = rateBefore, rate < before * Self.growth { return .enough }
    let opening = roundTrip * Self.roundTripsToOpen + Self.secondsToOpen
    if left < rate * opening * Self.worthwhile { return .wait }
    if let bandwidthLimit, rate >= bandwidthLimit * Self.limitShare { return .wait }
    let window = Self.windowByteCount / roundTrip
    let share = rate / Double(connectionCount) / window
    if !Self.windowShare.contains(share) { return .wait }
    rateBefore = rate
    return .open(min(Self.stride, Self.mostConnections - connectionCount))
  }
}
