// SPDX-License-Identifier: Apache-2.0

import Blocks
import Transfer

/// The last lines of a run, in rsync's words where rsync has words for it, and the table
/// of `--stats`. Pure: figures in, lines out.
struct ClosingText {
  var isDryRun: Bool
  var bandwidthLimit: UInt64?
  var elapsedSeconds: Double

  /// `sent 1,234 bytes  received 56 bytes  789.00 bytes/sec`, then size and speedup, then
  /// where the content came from.
  func lines(_ images: [ImageResult]) -> [String] {
    let totals = Totals(images)
    var lines: [String] = []
    if images.count > 1 {
      for image in images {
        lines.append("\(arrow(image)): \(origins(image.figures))")
      }
    }
    lines.append(traffic(totals))
    lines.append(size(totals))
    lines.append(origins(totals.figures))
    return lines
  }

  private func traffic(_ totals: Totals) -> String {
    // Between two images of one machine there is no wire; then what was written counts.
    let sent = totals.wireByteCount == 0 ? totals.figures.sent : totals.figures.wireSent
    let rate = Double(sent &+ totals.figures.wireReceived) / max(elapsedSeconds, 0.001)
    return "sent \(ByteText.exact(sent)) bytes  "
      + "received \(ByteText.exact(totals.figures.wireReceived)) bytes  "
      + "\(ByteText.decimal(rate)) bytes/sec"
  }

  private func size(_ totals: Totals) -> String {
    let moved = totals.wireByteCount == 0 ? totals.figures.sent : totals.wireByteCount
    var line = "total size is \(ByteText.exact(totals.imageByteCount))"
    if moved > 0 {
      let speedup = Double(totals.imageByteCount) / Double(moved)
      line += "  speedup is \(ByteText.decimal(speedup))"
    }
    return line + (isDryRun ? " (DRY RUN)" : "")
  }

  private func origins(_ figures: Counters.Snapshot) -> String {
    let sent =
      isDryRun
      ? "would send \(ByteText.human(figures.wanted))" : "sent \(ByteText.human(figures.sent))"
    return "equal \(ByteText.human(figures.equal))  zero \(ByteText.human(figures.zero))  "
      + "found \(ByteText.human(figures.found))  \(sent)"
  }

  private func arrow(_ image: ImageResult) -> String {
    image.target.map { "\(image.source) -> \($0)" } ?? image.source
  }

  /// Every figure of a run, one a line.
  func table(_ images: [ImageResult]) -> [String] {
    images.flatMap { rows($0) + [""] }.dropLast()
  }

  private func rows(_ image: ImageResult) -> [String] {
    let report = image.report
    let figures = report.counters
    var rows: [(String, String)] = [("Source", image.source)]
    if let target = image.target { rows.append(("Target", target)) }
    rows += [
      ("Image size", ByteText.both(report.imageByteCount)),
      ("Equal", ByteText.both(figures.equal)),
      ("Zero", ByteText.both(figures.zero)),
      ("Found at the target's end", ByteText.both(figures.found)),
      (
        isDryRun ? "Would be sent" : "Sent", ByteText.both(isDryRun ? figures.wanted : figures.sent)
      ),
      ("Wire, sent", ByteText.both(figures.wireSent)),
      ("Wire, received", ByteText.both(figures.wireReceived)),
      ("Bandwidth limit", Self.limit(bandwidthLimit)),
      ("Connections", String(report.connectionCount)),
      ("Passes", String(report.passCount)),
      ("Digest", report.imageDigest?.hexadecimal ?? "none"),
      ("Read back", report.isVerified ? "yes" : "no"),
      ("Elapsed", "\(ByteText.decimal(report.elapsedSeconds, places: 3)) s"),
    ]
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { name, value in
      "\(name):" + String(repeating: " ", count: width - name.count + 2) + value
    }
  }

  /// What the end stands on, for `-v`.
  func confirmations(_ images: [ImageResult]) -> [String] {
    images.compactMap { image in
      guard let digest = image.report.imageDigest else { return nil }
      let passes = image.report.passCount
      return "\(arrow(image)): digest \(digest.hexadecimal)"
        + (passes > 1 ? ", after \(passes) passes" : "")
        + Self.connections(image.report.connectionCount)
        + (image.report.isVerified ? ", read back" : "")
    }
  }

  private static func connections(_ count: Int) -> String {
    count == 0 ? "" : count == 1 ? ", over one connection" : ", over \(count) connections"
  }

  /// `10.0 MiB/s (10,485,760 bytes a second)`.
  static func limit(_ bytesPerSecond: UInt64?) -> String {
    guard let bytesPerSecond else { return "none" }
    return "\(ByteText.human(bytesPerSecond))/s (\(ByteText.exact(bytesPerSecond)) bytes a second)"
  }
}
