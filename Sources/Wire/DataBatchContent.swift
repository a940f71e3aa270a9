// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// A data batch that has been opened and found sound: which pages it has, and their bytes.
///
/// Sound means that every page exists in the image and that there are exactly as many bytes
/// as these pages have. Whether the bytes are the right ones, only digests can tell.
package struct DataBatchContent: Sendable {
  package let entries: [DataBatch.Entry]
  /// The bytes of all pages.
  package let pageByteCount: Int
  private let storage: [UInt8]
  private let start: Int

  /// Pages from `start` on, the table of entries at the end.
  init(
    storage: [UInt8], start: Int, entryCount: Int, shape: ImageShape
  ) throws(WireError) {
    let tableStart = storage.count - entryCount * DataBatch.Entry.byteCount
    var reader = PayloadReader(
      Frame(type: .data, payload: storage), width: .short, shape: shape, offset: tableStart)
    var entries: [DataBatch.Entry] = []
    entries.reserveCapacity(entryCount)
    var byteCount = 0
    for _ in 0..<entryCount {
      let segment = try reader.segment("segment")
      let pages = try reader.pageBits("pages")
      try reader.check(pages, "pages", of: segment)
      if pages.isEmpty { throw reader.error("pages", found: "none", allowed: "at least one") }
      byteCount += shape.byteCount(of: pages, inSegment: segment)
      entries.append(DataBatch.Entry(segment: segment, pages: pages))
    }
    if byteCount != tableStart - start {
      throw reader.error(
        "page bytes", found: "\(tableStart - start)", allowed: "\(byteCount), as the pages have")
    }
    self.entries = entries
    self.pageByteCount = byteCount
    self.storage = storage
    self.start = start
  }

  /// Lends the bytes of all pages: in the order of the entries, within each by number.
  package func withPageBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe storage.span.withUnsafeBytes { (bytes) throws(Failure) -> Result in
      let pages = unsafe bytes[start..<start + pageByteCount]
      return try unsafe body(UnsafeRawBufferPointer(rebasing: pages))
    }
  }
}

extension ImageShape {
  /// The bytes of some pages of a segment, all of which the image has.
  package func byteCount(of pages: PageSet, inSegment segment: Int) -> Int {
    let last = pageCount(inSegment: segment) - 1
    var byteCount = pages.count * Geometry.pageByteCount
    if pages[last] {
      let lengthOfLast = pageLength(segment * Geometry.pagesPerSegment + last)
      byteCount -= Geometry.pageByteCount - lengthOfLast
    }
    return byteCount
  }
}
