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
