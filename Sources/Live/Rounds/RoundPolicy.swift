// SPDX-License-Identifier: Apache-2.0

/// Decides what follows on a round: another one, a slower writer, the pause, or the end.
package struct RoundPolicy: Equatable, Sendable {
  package enum Decision: Equatable, Sendable {
    case another
    /// So many writes a second, and then another round.
    case slowDown(writesPerSecond: Int)
    case cutOver
    /// No pause that was allowed would do.
    case giveUp
  }

  private let settings: LiveSettings
  private let canSlowDown: Bool
  /// Of a cutover by hand: the user has said so.
  package var isAsked: Bool
  private var roundCount = 0
  private var best: Double?
  /// Rounds after which a pause would not have been much shorter.
  private var fruitlessCount = 0
  private var writesPerSecond: Int?

  /// A pause that is shorter than this needs not be made shorter still.
  private static let shortPauseSeconds = 0.1
  /// What another round must promise to be worth it.
  private static let worthwhileGain = 0.8
  /// So many fruitless rounds show that it gets no shorter by itself.
  private static let patience = 2
  private static let leastWritesPerSecond = 10
  private static let pageByteCount = 4096.0

  package init(_ settings: LiveSettings, canSlowDown: Bool) {
    self.settings = settings
    self.canSlowDown = canSlowDown
    isAsked = settings.cutover == .auto
  }

  /// - Parameters:
  ///   - forecast: of a pause now.
  ///   - linkRate: bytes a second, if known.
  package mutating func decide(_ forecast: Forecast, linkRate: Double?) -> Decision {
    let seconds = forecast.seconds
    let fits = seconds <= settings.maximumPauseSeconds
    let isBetter = best.map { seconds < $0 * Self.worthwhileGain } ?? true
    best = min(best ?? seconds, seconds)
    fruitlessCount = isBetter ? 0 : fruitlessCount + 1
    guard isAsked else { return .another }
    roundCount += 1
    if fits && (!isBetter || seconds <= Self.shortPauseSeconds) { return .cutOver }
    if roundCount >= settings.maximumRoundCount { return fits ? .cutOver : .giveUp }
    if fits || fruitlessCount < Self.patience { return .another }
    guard canSlowDown, settings.throttle == .automatic, let next = slower(linkRate) else {
      return .giveUp
    }
    writesPerSecond = next
    fruitlessCount = 0
    best = nil
    return .slowDown(writesPerSecond: next)
  }

  /// A quarter of what the line could take of single pages, then always half.
  private func slower(_ linkRate: Double?) -> Int? {
    guard let writesPerSecond else {
      let rate = (linkRate ?? 0) / Self.pageByteCount / 4
      return max(Int(min(rate, 1e6)), Self.leastWritesPerSecond)
    }
    let next = writesPerSecond / 2
    return next >= Self.leastWritesPerSecond ? next : nil
  }
}
