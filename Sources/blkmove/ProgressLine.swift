// SPDX-License-Identifier: Apache-2.0

import Transfer

/// What is said about a run in progress, in one line of at most a given width. Pure.
///
/// The less important leaves first when the width is small; nothing is ever cut in the middle of
/// a figure.
struct ProgressLine {
  /// Which image of how many, when there are several.
  var position: (index: Int, count: Int)?
  var operation = Subcommand.copy
  var isDryRun = false

  private struct Piece {
    var text: String
    /// The highest goes first when there is no room.
    var rank: Int
    var gap = "  "
  }

  func text(_ reading: ProgressMeter.Reading, width: Int = .max) -> String {
    var pieces = pieces(reading)
    while Self.joined(pieces).count > width, pieces.count > 1,
      let worst = pieces.indices.max(by: { pieces[$0].rank < pieces[$1].rank })
    {
      pieces.remove(at: worst)
    }
    let line = Self.joined(pieces)
    return line.count <= width ? line : ""
  }

  private static func joined(_ pieces: [Piece]) -> String {
    pieces.reduce(into: "") { $0 += $0.isEmpty ? $1.text : $1.gap + $1.text }
  }

  private func pieces(_ reading: ProgressMeter.Reading) -> [Piece] {
    var pieces: [Piece] = []
    if let position {
      pieces.append(Piece(text: "[\(position.index)/\(position.count)]", rank: 3))
    }
    let figures = reading.figures
    switch figures.phase {
    case .connecting: pieces.append(Piece(text: "connecting", rank: 0))
    case .comparing: pieces += comparing(reading)
    case .finishing: pieces.append(Piece(text: "finishing: waiting for stable storage", rank: 0))
    case .verifying: pieces += verifying(reading)
    case .done: pieces += [Piece(text: "done", rank: 0)] + origins(figures)
    }
    return pieces
  }

  private func comparing(_ reading: ProgressMeter.Reading) -> [Piece] {
    let figures = reading.figures
    var pieces = [
      Piece(text: "scanned \(Self.percent(figures))", rank: 0),
      Piece(text: "of \(ByteText.human(figures.imageByteCount))", rank: 5, gap: " "),
    ]
    pieces += origins(figures)
    if let rate = reading.sendingRate {
      pieces.append(Piece(text: "sending \(ByteText.rate(rate))", rank: 2))
    } else if let rate = reading.scanningRate {
      pieces.append(Piece(text: "reading \(ByteText.rate(rate))", rank: 2))
    }
    if let left = reading.secondsLeft {
      pieces.append(Piece(text: "ETA \(ByteText.duration(left))", rank: 1))
    }
    return pieces
  }

  private func verifying(_ reading: ProgressMeter.Reading) -> [Piece] {
    var pieces = [Piece(text: "reading back \(Self.percent(reading.figures))", rank: 0)]
    if let rate = reading.scanningRate {
      pieces.append(Piece(text: ByteText.rate(rate), rank: 2))
    }
    if let left = reading.secondsLeft {
      pieces.append(Piece(text: "ETA \(ByteText.duration(left))", rank: 1))
    }
    return pieces
  }

  /// Where the content comes from, as far as the operation has anything to do with it.
  private func origins(_ figures: Counters.Snapshot) -> [Piece] {
    if operation == .digest { return [] }
    let same = [
      Piece(text: "equal \(ByteText.human(figures.equal))", rank: 7),
      Piece(text: "zero \(ByteText.human(figures.zero))", rank: 8),
    ]
    if operation == .verify { return same }
    return same + [
      Piece(text: "found \(ByteText.human(figures.found))", rank: 6),
      Piece(text: sent(figures), rank: 4),
    ]
  }

  private func sent(_ figures: Counters.Snapshot) -> String {
    if isDryRun { return "would send \(ByteText.human(figures.wanted))" }
    let sent = "sent \(ByteText.human(figures.sent))"
    if figures.wanted == 0 { return sent }
    return "\(sent) of \(ByteText.human(figures.sent &+ figures.wanted))"
  }

  /// Rounded down: it says 100% only when all of it is scanned.
  static func percent(_ figures: Counters.Snapshot) -> String {
    guard figures.imageByteCount > 0 else { return "100%" }
    let scanned = min(figures.scanned, figures.imageByteCount)
    return "\(UInt128(scanned) * 100 / UInt128(figures.imageByteCount))%"
  }
}
