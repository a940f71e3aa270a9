// SPDX-License-Identifier: Apache-2.0

/// Hashes one segment that comes in pieces, so that each piece can be hashed while the
/// processor still has it in its nearest cache.
///
/// This is where a scan spends its time. A piece is tested for zeros page by page; pages that
/// are not zero are gathered by pointer and hashed in lanes. A segment that is all zero costs
/// no memory.
package struct SegmentHasher {
  private let byteCount: Int
  private let pageCount: Int
  private var hashedByteCount = 0
  /// Of the pages that have come, or nothing as long as all of them were zero.
  private var pages: [Digest] = []
  private var zeroPages = PageSet()
  private var comePageCount = 0

  /// For a segment of 1 byte to 1 MiB.
  package init(byteCount: Int) {
    precondition((1...Geometry.segmentByteCount).contains(byteCount), "not a segment")
    self.byteCount = byteCount
    pageCount = (byteCount + Geometry.pageByteCount - 1) / Geometry.pageByteCount
  }

  /// Takes the next bytes: whole pages, or the rest of the segment.
  @unsafe package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    let count = begin(bytes.count)
    var zeros = PageSet()
    for page in 0..<count where unsafe Self.isZero(page, of: bytes) { zeros[page] = true }
    for page in zeros { zeroPages[comePageCount + page] = true }
    if zeros.count == count {
      fillWithZeros(count, byteCount: bytes.count)
    } else {
      if pages.isEmpty { makeRoom() }
      pages.append(addingCapacity: count) { span in
        unsafe span.withUnsafeMutableBufferPointer { room, filled in
          unsafe Self.hash(bytes, except: zeros, into: room.baseAddress!)
          filled = count
        }
      }
    }
    comePageCount += count
  }

  /// Takes bytes of which it is known that they are zero: whole pages, or the rest of the segment.
  package mutating func append(zeros byteCount: Int) {
    let count = begin(byteCount)
    for page in comePageCount..<comePageCount + count { zeroPages[page] = true }
    fillWithZeros(count, byteCount: byteCount)
    comePageCount += count
  }

  /// Whether all that has come is zero.
  package var isZero: Bool { pages.isEmpty }

  /// The digests of the segment, all of which must have come.
  package consuming func finish() -> SegmentDigests {
    precondition(hashedByteCount == byteCount, "a part of the segment is missing")
    if pages.isEmpty { return ZeroDigests.segmentDigests(length: byteCount) }
    return .assembling(pages: pages, zeroPages: zeroPages)
  }

  /// How many pages come with so many bytes.
  private mutating func begin(_ count: Int) -> Int {
    hashedByteCount += count
    precondition(
      count > 0 && hashedByteCount <= byteCount
        && (count % Geometry.pageByteCount == 0 || hashedByteCount == byteCount), "no whole pages")
    return (count + Geometry.pageByteCount - 1) / Geometry.pageByteCount
  }

  /// The first page that is not zero has come: those before it get their digests.
  private mutating func makeRoom() {
    pages.reserveCapacity(pageCount)
    pages.append(contentsOf: repeatElement(ZeroDigests.page(), count: comePageCount))
  }

  private mutating func fillWithZeros(_ count: Int, byteCount: Int) {
    if pages.isEmpty { return }
    let rest = byteCount % Geometry.pageByteCount
    let whole = rest == 0 ? count : count - 1
    pages.append(contentsOf: repeatElement(ZeroDigests.page(), count: whole))
    if rest > 0 { pages.append(ZeroDigests.page(length: rest)) }
  }

  private static func isZero(_ page: Int, of bytes: UnsafeRawBufferPointer) -> Bool {
    let start = page * Geometry.pageByteCount
    let end = min(start + Geometry.pageByteCount, bytes.count)
    return unsafe PageHasher.isZero(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
  }

  /// Fills in the digests of all pages.
  ///
  /// The digests of the gathered pages first lie side by side at the front, as the kernel
  /// leaves them; then each is moved to its page's place, the last one first, so that none is
  /// overwritten before it has been moved.
  private static func hash(
    _ bytes: UnsafeRawBufferPointer, except zeroPages: PageSet,
    into result: UnsafeMutablePointer<Digest>
  ) {
    let wholePages = bytes.count / Geometry.pageByteCount
    var gathered = LaneBatch()
    for page in 0..<wholePages where !zeroPages[page] {
      unsafe gathered.append(bytes.baseAddress! + page * Geometry.pageByteCount)
    }
    unsafe gathered.hashPages(into: result)

    var hashed = gathered.count
    let zero = ZeroDigests.page()
    for page in stride(from: wholePages - 1, through: 0, by: -1) {
      if zeroPages[page] {
        unsafe result[page] = zero
      } else {
        hashed -= 1
        unsafe result[page] = result[hashed]
      }
    }
    let rest = wholePages * Geometry.pageByteCount
    if rest < bytes.count {
      // Whether it is zero does not matter: there is one in an image.
      unsafe result[wholePages] = PageHasher.digest(
        of: UnsafeRawBufferPointer(rebasing: bytes[rest...]))
    }
  }
}
