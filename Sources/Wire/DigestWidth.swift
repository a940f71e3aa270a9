// SPDX-License-Identifier: Apache-2.0

/// How many bytes of each digest are sent.
///
/// Digests that only steer the descent travel short; the last comparison is of full ones,
/// and a pass that settles a difference sends full ones everywhere. The width is never in a
/// message: the pass message announces it.
package enum DigestWidth: Sendable, CaseIterable {
  case short, full

  /// Of a segment or a group.
  package var nodeByteCount: Int {
    switch self {
    case .short: 16
    case .full: 32
    }
  }

  /// Of a page.
  package var pageByteCount: Int {
    switch self {
    case .short: 8
    case .full: 32
    }
  }
}
