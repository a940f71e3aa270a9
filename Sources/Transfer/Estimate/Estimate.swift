// SPDX-License-Identifier: Apache-2.0

import Wire

/// What a copy would send and how long it would take, from what this run has compared and measured.
///
/// It promises to invent nothing: what could not be measured is nil, and so is what follows.
package struct Estimate: Equatable, Sendable {
  /// What would hold the sending up.
  package enum Line: Equatable, Sendable {
    /// Bytes a second, as a probe found them.
    case measured(Double)
    /// `--bwlimit`, which is lower than what was measured.
    case limited(Double)
    /// There is none, or too little time passed to tell.
    case unknown

    package var bytesPerSecond: Double? {
      switch self {
      case .measured(let rate), .limited(let rate): rate
      case .unknown: nil
      }
    }
  }

  package var pageCount: UInt64
  /// Content that would be sent (or, locally, written), before compression.
  package var byteCount: UInt64
  /// The same as it would cross the line; nil when nothing was sampled.
  package var compressedByteCount: UInt64?
  /// What would be copied at the target's end.
  package var foundByteCount: UInt64
  package var line: Line
  /// How long it took to connect and to compare.
  package var comparisonSeconds: Double
  /// Whether a copy sends while it compares; otherwise it sends when it has compared.
  package var sendsMeanwhile: Bool

  package init(
    pageCount: UInt64 = 0, byteCount: UInt64 = 0, compressedByteCount: UInt64? = 0,
    foundByteCount: UInt64 = 0, line: Line = .unknown, comparisonSeconds: Double = 0,
    sendsMeanwhile: Bool = false
  ) {
    self.pageCount = pageCount
    self.byteCount = byteCount
    self.compressedByteCount = compressedByteCount
    self.foundByteCount = foundByteCount
    self.line = line
    self.comparisonSeconds = comparisonSeconds
    self.sendsMeanwhile = sendsMeanwhile
  }

  /// How long the line would be busy.
  package var sendingSeconds: Double? {
    guard byteCount > 0 else { return 0 }
    guard let compressedByteCount, let rate = line.bytesPerSecond, rate > 0 else { return nil }
    return Double(compressedByteCount) / rate
  }

  /// How long the whole run would take.
  package var seconds: Double? {
    sendingSeconds.map {
      sendsMeanwhile ? max(comparisonSeconds, $0) : comparisonSeconds + $0
    }
  }
}

extension Estimate {
  /// From the figures of a dry run and, where there is another end, what was measured there.
  init(
    _ figures: Counters.Snapshot, _ appraisal: Appraisal?, settings: Settings,
    comparisonSeconds: Double, sendsMeanwhile: Bool
  ) {
    let pageByteCount: UInt64 = 4096
    self.init(
      pageCount: (figures.wanted + pageByteCount - 1) / pageByteCount,
      byteCount: figures.wanted,
      compressedByteCount: Self.compressed(figures.wanted, appraisal, settings),
      foundByteCount: figures.found,
      line: Self.line(appraisal?.bytesPerSecond.map { Double($0) }, settings.bandwidthLimit),
      comparisonSeconds: comparisonSeconds, sendsMeanwhile: sendsMeanwhile)
  }

  /// Where nothing is compressed, what surrounds the pages is left out as well: it is less than
  /// a thousandth.
  private static func compressed(
    _ byteCount: UInt64, _ appraisal: Appraisal?, _ settings: Settings
  ) -> UInt64? {
    guard byteCount > 0, let appraisal, settings.compression != .none else { return byteCount }
    guard appraisal.sampledByteCount > 0 else { return nil }
    let ratio = Double(appraisal.compressedByteCount) / Double(appraisal.sampledByteCount)
    return UInt64(Double(byteCount) * min(ratio, 1))
  }

  private static func line(_ measured: Double?, _ limit: UInt64?) -> Line {
    if let limit {
      // It was measured under the limit, so what is nearly as slow is the limit.
      let limit = Double(limit)
      if (measured ?? limit) > limit * Self.leastOfLimit { return .limited(limit) }
    }
    return measured.map(Line.measured) ?? .unknown
  }

  private static let leastOfLimit = 0.9
}
