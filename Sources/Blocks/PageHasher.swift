// SPDX-License-Identifier: Apache-2.0

internal import CLanes
internal import Glibc

/// Digests of pages, and of any other bytes that have no place in a tree.
///
/// The digest of a page is BLAKE2b-256 of its bytes, with neither key nor personalisation:
/// `b2sum -l 256` prints the same. Pages of one length are hashed side by side, which is
/// several times faster than one after the other.
package enum PageHasher {
  /// The digest of bytes of any length, by the scalar kernel.
  @unsafe package static func digest(of bytes: UnsafeRawBufferPointer) -> Digest {
    // No bytes have no address; the kernel wants one that it does not read.
    var anything: UInt8 = 0
    return unsafe withUnsafeBytes(of: &anything) { placeholder in
      let start = unsafe bytes.baseAddress ?? placeholder.baseAddress!
      return unsafe digest(ofMessageAt: start, byteCount: bytes.count)
    }
  }

  /// The digests of pages of equal length wherever they are, in their order.
  @unsafe package static func digests(
    of pages: [UnsafeRawPointer], pageLength: Int
  ) -> [Digest] {
    unsafe pages.withUnsafeBufferPointer { unsafe digests(of: $0, pageLength: pageLength) }
  }

  /// The digests of pages of equal length wherever they are, in their order.
  @unsafe package static func digests(
    of pages: UnsafeBufferPointer<UnsafeRawPointer>, pageLength: Int
  ) -> [Digest] {
    guard let first = pages.baseAddress else { return [] }
    return unsafe [Digest](unsafeUninitializedCapacity: pages.count) { result, count in
      let messages = unsafe UnsafeRawPointer(first)
        .assumingMemoryBound(to: UnsafeRawPointer?.self)
      unsafe lanes_digest(messages, pages.count, pageLength, nil, result.baseAddress!)
      count = pages.count
    }
  }

  /// The digests of whole pages that lie one behind the other.
  @unsafe package static func digests(ofWholePagesIn bytes: UnsafeRawBufferPointer) -> [Digest] {
    precondition(bytes.count % Geometry.pageByteCount == 0, "a page is not whole")
    let pageCount = bytes.count / Geometry.pageByteCount
    return unsafe [Digest](unsafeUninitializedCapacity: pageCount) { result, count in
      while count < pageCount {
        var batch = LaneBatch()
        for page in count..<min(count + LaneBatch.capacity, pageCount) {
          unsafe batch.append(bytes.baseAddress! + page * Geometry.pageByteCount)
        }
        unsafe batch.hashPages(into: result.baseAddress! + count)
        count += batch.count
      }
    }
  }

  /// Whether two pages of one length have the same bytes.
  @unsafe package static func isEqual(
    _ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer
  ) -> Bool {
    precondition(one.count == other.count, "the pages are not of one length")
    guard let start = one.baseAddress, let otherStart = other.baseAddress else { return true }
    return unsafe memcmp(start, otherStart, one.count) == 0
  }

  /// Whether all bytes are zero; of no bytes, they are.
  @unsafe package static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let start = bytes.baseAddress else { return true }
    return unsafe lanes_is_zero(start, bytes.count)
  }

  private static func digest(ofMessageAt start: UnsafeRawPointer, byteCount: Int) -> Digest {
    var message: UnsafeRawPointer? = unsafe start
    var result = Digest(0, 0, 0, 0)
    unsafe lanes_digest(&message, 1, byteCount, nil, &result)
    return result
  }
}
