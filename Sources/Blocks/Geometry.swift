// SPDX-License-Identifier: Apache-2.0

/// The sizes that everything is cut into.
///
/// An image is cut into pages; sixteen pages are a group, sixteen groups a segment, and so on,
/// sixteen to one, up to a single root. Both ends must agree on these numbers, so none of
/// them is an option.
package enum Geometry {
  /// The smallest piece that is compared and sent. File systems put files on its boundaries.
  package static let pageByteCount = 4096
  /// How many children a node of the tree has; the last one of a level may have fewer.
  package static let fanOut = 16
  package static let pagesPerGroup = 16
  package static let groupsPerSegment = 16
  package static let pagesPerSegment = 256
  package static let groupByteCount = 65_536
  /// What is read, hashed and announced at a time.
  package static let segmentByteCount = 1 << 20
  /// No image is larger. Page numbers and offsets then fit any integer with bits to spare.
  package static let maximumImageByteCount: UInt64 = 1 << 60

  /// The levels of nodes whose digests a peer may name: a page, a group and a segment.
  /// Above a segment they only count up to the root.
  package static let groupLevel = 1
  package static let segmentLevel = 2
}
