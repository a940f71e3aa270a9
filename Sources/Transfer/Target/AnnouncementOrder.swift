// SPDX-License-Identifier: Apache-2.0

/// Sees to it that a source announces its segments in ascending order, each at most once, and
/// only where the target has told what it has: the account of the whole image counts on both.
struct AnnouncementOrder {
  /// The next announcement is at or above this segment.
  private var next = 0

  /// Takes an announcement of the segments from `segment` to below `end`; `told` is how many
  /// segments the target has told.
  mutating func advance(
    to segment: Int, past end: Int, told: Int
  ) throws(TransferError) {
    guard segment >= next, segment <= end else {
      throw .breach("segment \(segment) is announced out of order")
    }
    guard end <= told else {
      throw .breach("segment \(segment) is announced before the target told what it has")
    }
    next = end
  }
}
