// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// What a manifest keeps of one segment: which of its pages are zero, the digests of its groups,
/// and a fingerprint of each group where one was made.
///
/// 808 bytes a mebibyte, which is 0.077 % of the image. The check at its end ties it to its
/// place and to its manifest's secret, so that what was torn or is stale is never believed.
package struct ManifestRecord: Hashable, Sendable {
  package var zeroPages: PageSet
  /// 1 to 16.
  package var groups: [Digest]
  /// As many as there are groups; unknown ones for bytes that were not read since they changed.
  package var fingerprints: [Fingerprint]

  package init(zeroPages: PageSet, groups: [Digest], fingerprints: [Fingerprint]) {
    precondition(groups.count == fingerprints.count, "a fingerprint for each group")
    self.zeroPages = zeroPages
    self.groups = groups
    self.fingerprints = fingerprints
  }

  /// As a scan sees it.
  package func digests(pageCount: Int) -> SegmentDigests {
    .remembered(groups: groups, zeroPages: zeroPages, pageCount: pageCount)
  }

  static let byteCount = 808
  private static let groupsOffset = 32
  private static let fingerprintsOffset = groupsOffset + 32 * Geometry.groupsPerSegment
  private static let checkOffset = fingerprintsOffset + 16 * Geometry.groupsPerSegment

  /// Fills `bytes`, which are zero, with the record.
  @unsafe func write(
    to bytes: UnsafeMutableRawBufferPointer, of segment: Int, using secret: Fingerprinter
  ) {
    for word in 0..<4 {
      unsafe bytes.storeBytes(
        of: zeroPages.words[word].littleEndian, toByteOffset: 8 * word, as: UInt64.self)
    }
    for (group, digest) in groups.enumerated() {
      unsafe digest.withBytes { digest in
        let place = Self.groupsOffset + Digest.byteCount * group
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[place...]).copyMemory(from: digest)
      }
    }
    for (group, fingerprint) in fingerprints.enumerated() {
      let place = Self.fingerprintsOffset + Fingerprint.byteCount * group
      unsafe bytes.storeBytes(
        of: fingerprint.low.littleEndian, toByteOffset: place, as: UInt64.self)
      unsafe bytes.storeBytes(
        of: fingerprint.high.littleEndian, toByteOffset: place + 8, as: UInt64.self)
    }
    unsafe bytes.storeBytes(
      of: Self.check(UnsafeRawBufferPointer(bytes), segment, secret).littleEndian,
      toByteOffset: Self.checkOffset, as: UInt64.self)
  }

  /// Nil when the check says that these are not the bytes of this segment's record.
  @unsafe init?(
    _ bytes: UnsafeRawBufferPointer, of segment: Int, groupCount: Int, using secret: Fingerprinter
  ) {
    func word(_ offset: Int) -> UInt64 {
      UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    let check = unsafe Self.check(bytes, segment, secret)
    guard word(Self.checkOffset) == check else { return nil }
    zeroPages = PageSet(words: SIMD4(word(0), word(8), word(16), word(24)))
    groups = (0..<groupCount).map { group in
      let place = Self.groupsOffset + Digest.byteCount * group
      return unsafe Digest(copying: bytes.baseAddress! + place)
    }
    fingerprints = (0..<groupCount).map { group in
      let place = Self.fingerprintsOffset + Fingerprint.byteCount * group
      return Fingerprint(low: word(place), high: word(place + 8))
    }
  }

  /// Over all that stands before the check, and the segment's number.
  private static func check(
    _ bytes: UnsafeRawBufferPointer, _ segment: Int, _ secret: Fingerprinter
  ) -> UInt64 {
    unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 8) { copy in
      unsafe copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<checkOffset]))
      unsafe copy.storeBytes(
        of: UInt64(segment).littleEndian, toByteOffset: checkOffset, as: UInt64.self)
      // Never the zero of a place where nothing was written.
      return max(1, unsafe secret.fingerprint(of: UnsafeRawBufferPointer(copy)).low)
    }
  }
}
