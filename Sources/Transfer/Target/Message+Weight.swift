// SPDX-License-Identifier: Apache-2.0

import Wire

extension Message {
  /// What it weighs in a queue that is bounded by bytes.
  var weight: Int {
    switch self {
    case .data(let batch): batch.contentByteCount
    case .pages(let names): 64 + names.names.count * names.names.width.pageByteCount
    case .groups(let groups): 64 + groups.digests.count * groups.digests.width.nodeByteCount
    case .probe(let probe): 64 + probe.filler.count
    default: 64
    }
  }

  var name: String { type.name }
}
