// SPDX-License-Identifier: Apache-2.0

import Blocks
import Transfer

/// The one line in which a piece of a pipe says what it did; nothing where the closing lines of a
/// copy say it. Pure.
struct PipelineText {
  var task: PipelineTask
  var isDryRun = false

  func line(_ report: Report) -> String? {
    let segmentCount = ByteText.exact(report.changedSegmentCount)
    let digest = report.imageDigest.map { ", digest \($0.hexadecimal)" } ?? ""
    let size = ByteText.human(report.imageByteCount)
    let figures = report.counters
    switch task {
    case .emit, .absorb: return nil
    case .manifest(let path):
      return "\(path): \(size), \(segmentCount) segments that are not zero\(digest)"
    case .delta(_, let path):
      return "\(path): \(size), \(segmentCount) segments differ, "
        + "\(ByteText.human(figures.sent)) of pages in \(ByteText.human(figures.wireSent))\(digest)"
    case .apply(let path):
      if report.isAlreadyDone { return "\(path): is the result already\(digest)" }
      let verb = isDryRun ? "would change" : "changed"
      let wrote = isDryRun ? "would write" : "wrote"
      return "\(path): \(size), \(verb) \(segmentCount) segments, "
        + "\(wrote) \(ByteText.human(figures.wanted))\(digest)"
        + (report.isVerified ? ", read back" : "")
    }
  }
}
