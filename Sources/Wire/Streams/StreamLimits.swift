// SPDX-License-Identifier: Apache-2.0

/// The limits of the stream formats, beside those that they share with the protocol.
/// docs/streams.md prints the same table.
package enum StreamLimits {
  /// Zero runs and segments in one record of groups.
  package static let itemsPerRecord = 256
  /// Runs in one record of an outline.
  package static let runsPerRecord = 1024
  /// Digests in one record of an outline.
  package static let digestsPerRecord = 2048
}
