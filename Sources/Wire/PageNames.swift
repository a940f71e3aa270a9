// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// What the source holds in some groups of one segment, page by page: a name of each page
/// that is not zero. Of groups that are not listed nothing is said.
package struct PageNames: Equatable, Sendable {
  package var segment: Int
  package var groups: GroupSet
  /// Pages of the listed groups that have a name; the others in these groups are zero, or
  /// past the end of the image.
  package var nonzeroPages: PageSet
  /// One for each of `nonzeroPages`, ascending.
  package var names: NameList

  /// What the names cost the target's memory until they are closed, in names: a place for every
  /// page of the listed groups, and as much for the segment itself as so many names weigh.
  /// Without this a segment with a single name would be a thousand bytes for the price of eight.
  package var openCost: Int {
    groups.isEmpty ? 0 : PageNames.segmentCost + groups.count * Geometry.pagesPerGroup
  }

  package static let segmentCost = 32
  /// The cost of a segment in which every group is listed.
  package static let largestOpenCost = segmentCost + Geometry.pagesPerSegment

  package init(segment: Int, groups: GroupSet, nonzeroPages: PageSet, names: NameList) {
    self.segment = segment
    self.groups = groups
    self.nonzeroPages = nonzeroPages
    self.names = names
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    segment = try reader.segment("segment")
    groups = try reader.groups("groups", of: segment)
    nonzeroPages = PageSet()
    for group in groups {
      nonzeroPages[group: group] = try reader.uint16("pages that are not zero")
    }
    try reader.check(nonzeroPages, "pages that are not zero", of: segment)
    names = try reader.names(nonzeroPages.count, "names")
  }

  func write(to writer: inout PayloadWriter) {
    precondition(nonzeroPages.count == names.count, "one name for each page")
    precondition(nonzeroPages.groups.isSubset(of: groups), "a page outside the listed groups")
    writer.write(UInt64(segment))
    writer.write(groups.rawValue)
    for group in groups { writer.write(nonzeroPages[group: group]) }
    writer.write(names)
  }
}
