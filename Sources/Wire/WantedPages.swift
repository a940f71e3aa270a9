// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// Pages of one segment whose data the target asks for.
package struct WantedPages: Equatable, Sendable {
  package var segment: Int
  package var pages: PageSet

  package init(segment: Int, pages: PageSet) {
    self.segment = segment
    self.pages = pages
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    segment = try reader.segment("segment")
    pages = try reader.pageBits("pages")
    try reader.check(pages, "pages", of: segment)
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(UInt64(segment))
    writer.write(pages)
  }
}
