// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// What becomes of the segments whose pages stand in the data record behind it.
package struct DeltaDetails: Equatable, Sendable {
  /// One segment of which some groups are given anew. The others stay as they are.
  package struct Segment: Equatable, Sendable {
    package var number: Int
    /// Which groups are given, at least one.
    package var groups: GroupSet
    /// The pages of these groups that are zero; all others of them stand in the data record.
    package var zeroPages: PageSet
    /// Of the segment as it becomes.
    package var digest: Digest
    /// Of the given groups, ascending.
    package var groupDigests: [Digest]

    package init(
      number: Int, groups: GroupSet, zeroPages: PageSet, digest: Digest, groupDigests: [Digest]
    ) {
      self.number = number
      self.groups = groups
      self.zeroPages = zeroPages
      self.digest = digest
      self.groupDigests = groupDigests
    }

    /// The pages of the given groups that an image of this shape has.
    package func pages(in shape: ImageShape) -> PageSet {
      PageSet(pagesOf: groups)
        .intersection(PageSet(firstPages: shape.pageCount(inSegment: number)))
    }

    /// The pages that must come as data.
    package func dataPages(in shape: ImageShape) -> PageSet {
      pages(in: shape).subtracting(zeroPages)
    }

    init(from reader: inout PayloadReader) throws(WireError) {
      number = try reader.segment("segment")
      groups = try reader.groups("groups", of: number)
      if groups.isEmpty { throw reader.error("groups", found: "none", allowed: "at least one") }
      zeroPages = try reader.pageBits("zero pages")
      try reader.check(zeroPages, "zero pages", of: number)
      if !zeroPages.isSubset(of: PageSet(pagesOf: groups)) {
        throw reader.error(
          "zero pages", found: "pages of other groups", allowed: "those of the given groups")
      }
      digest = try reader.digest("digest")
      groupDigests = try reader.digests(groups.count, "digests of groups")
    }

    func write(to writer: inout PayloadWriter) {
      precondition(groups.count == groupDigests.count, "one digest for each group")
      writer.write(UInt64(number))
      writer.write(groups.rawValue)
      writer.write(zeroPages)
      writer.write(digest)
      writer.write(groupDigests)
    }
  }

  /// Ascending.
  package var segments: [Segment]

  package init(_ segments: [Segment] = []) { self.segments = segments }

  package var isFull: Bool { segments.count >= WireLimits.entriesPerBatch }

  init(from reader: inout PayloadReader) throws(WireError) {
    let count = try reader.checked(
      reader.uint16("segments"), "segments", in: 1...WireLimits.entriesPerBatch)
    segments = []
    segments.reserveCapacity(count)
    for _ in 0..<count { segments.append(try Segment(from: &reader)) }
  }

  func write(to writer: inout PayloadWriter) {
    precondition((1...WireLimits.entriesPerBatch).contains(segments.count))
    writer.write(UInt16(segments.count))
    for segment in segments { segment.write(to: &writer) }
  }
}
