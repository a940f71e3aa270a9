// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// What the source holds in one segment, group by group: a digest of each group that is not
/// zero. Groups that are not listed are zero, or past the end of the image.
package struct GroupDigests: Equatable, Sendable {
  package var segment: Int
  package var nonzeroGroups: GroupSet
  /// One for each of `nonzeroGroups`, ascending.
  package var digests: NodeDigests

  package init(segment: Int, nonzeroGroups: GroupSet, digests: NodeDigests) {
    self.segment = segment
    self.nonzeroGroups = nonzeroGroups
    self.digests = digests
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    segment = try reader.segment("segment")
    nonzeroGroups = try reader.groups("groups", of: segment)
    digests = try reader.nodeDigests(nonzeroGroups.count, "digests")
  }

  func write(to writer: inout PayloadWriter) {
    precondition(nonzeroGroups.count == digests.count, "one digest for each group")
    writer.write(UInt64(segment))
    writer.write(nonzeroGroups.rawValue)
    writer.write(digests)
  }
}
