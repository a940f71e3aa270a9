// SPDX-License-Identifier: Apache-2.0

/// The target's last word: everything is on stable storage under its final name. A stream
/// that ends without it was cut, however complete it looks.
package struct Completion: Equatable, Sendable {
  /// The target was read back past the page cache, and its digest is the agreed one.
  package var isVerified: Bool
  package var counters: ProgressCounters

  package init(isVerified: Bool, counters: ProgressCounters) {
    self.isVerified = isVerified
    self.counters = counters
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    isVerified = try reader.boolean("verified")
    counters = try ProgressCounters(from: &reader)
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(isVerified)
    counters.write(to: &writer)
  }
}
