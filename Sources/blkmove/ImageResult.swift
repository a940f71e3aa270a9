// SPDX-License-Identifier: Apache-2.0

import Transfer

/// What became of one source: the figures behind the closing lines, the table of `--stats` and
/// an entry of the final JSON object.
struct ImageResult: Sendable {
  var source: String
  var target: String?
  var status: ExitStatus
  /// Of an unfinished run as far as it came.
  var report: Report

  var figures: Counters.Snapshot { report.counters }
}

/// The sums over all images of a command line.
struct Totals: Equatable, Sendable {
  var imageByteCount: UInt64 = 0
  var figures = Counters.Snapshot()

  init(_ images: [ImageResult]) {
    for image in images {
      imageByteCount &+= image.report.imageByteCount
      figures.scanned &+= image.figures.scanned
      figures.equal &+= image.figures.equal
      figures.zero &+= image.figures.zero
      figures.found &+= image.figures.found
      figures.sent &+= image.figures.sent
      figures.wanted &+= image.figures.wanted
      figures.wireSent &+= image.figures.wireSent
      figures.wireReceived &+= image.figures.wireReceived
    }
  }

  /// Both directions.
  var wireByteCount: UInt64 { figures.wireSent &+ figures.wireReceived }
}
