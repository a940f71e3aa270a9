// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// Groups of one segment: those in which the target differs.
package struct GroupMask: Equatable, Sendable {
  package var segment: Int
  package var groups: GroupSet

  package init(segment: Int, groups: GroupSet) {
    self.segment = segment
    self.groups = groups
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    segment = try reader.segment("segment")
    groups = try reader.groups("groups", of: segment)
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(UInt64(segment))
    writer.write(groups.rawValue)
  }
}
