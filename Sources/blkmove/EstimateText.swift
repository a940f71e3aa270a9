// SPDX-License-Identifier: Apache-2.0

import Transfer

/// What `--estimate` says: how much would be sent, and how long that would take. Pure: figures in,
/// lines out.
struct EstimateText {
  private let parts: [Part]

  private struct Part {
    var name: String
    var estimate: Estimate
    /// Between two images of one machine there is no line.
    var isLocal: Bool
  }

  init(_ images: [ImageResult]) {
    parts = images.compactMap { image in
      image.report.estimate.map { estimate in
        Part(
          name: image.target.map { "\(image.source) -> \($0)" } ?? image.source,
          estimate: estimate, isLocal: image.report.connectionCount == 0)
      }
    }
  }

  var lines: [String] {
    guard let first = parts.first else { return [] }
    if parts.count == 1 { return [Self.amount(first), Self.time(first)] }
    let sum = EstimateSum(parts.map(\.estimate))
    let total = Part(name: "", estimate: sum.estimate, isLocal: first.isLocal)
    return parts.map { "\($0.name): \(Self.amount($0)); \(Self.time($0))" } + [
      Self.amount(total),
      sum.seconds.map { "would take about \(ByteText.span($0)) in all" }
        ?? "how long all of it would take is not known",
    ]
  }

  private static func amount(_ part: Part) -> String {
    let estimate = part.estimate
    let pages = estimate.pageCount == 1 ? "page" : "pages"
    let content =
      "\(ByteText.human(estimate.byteCount)) (\(ByteText.exact(estimate.pageCount)) \(pages))"
    if part.isLocal { return "would write \(content)" }
    var line = "would send \(content)"
    if estimate.byteCount > 0 {
      line +=
        estimate.compressedByteCount.map { ", \(ByteText.human($0)) after compression" }
        ?? ", unknown how much after compression"
    }
    return line + ", and find \(ByteText.human(estimate.foundByteCount)) at the target's end"
  }

  private static func time(_ part: Part) -> String {
    let estimate = part.estimate
    let comparison = ByteText.span(estimate.comparisonSeconds)
    guard let seconds = estimate.seconds, let sending = estimate.sendingSeconds else {
      let reason =
        part.isLocal
        ? "how fast the target takes what is written was not tried"
        : "what was sent to measure the line went too fast to tell"
      return "unknown how long it would take: comparing took \(comparison), \(reason)"
    }
    let span = "would take about \(ByteText.span(seconds))"
    if estimate.byteCount == 0 { return span + ", all of it to compare" }
    let verb = part.isLocal ? "write" : "send"
    let order = estimate.sendsMeanwhile ? "while" : "after"
    return span + rate(estimate.line)
      + ": \(ByteText.span(sending)) to \(verb), \(order) comparing for \(comparison)"
  }

  private static func rate(_ line: Estimate.Line) -> String {
    switch line {
    case .measured(let rate): " at \(ByteText.rate(rate))"
    case .limited(let rate): " at the limit of \(ByteText.rate(rate))"
    case .unknown: ""
    }
  }
}
