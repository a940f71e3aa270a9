// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

@testable import Transfer

/// What an honest end would say of an image.
extension Pages {
  var shape: ImageShape { ImageShape(byteCount: UInt64(byteCount)) }

  /// The digests of one segment.
  func digests(of segment: Int) -> SegmentDigests {
    bytes(of: segment).withUnsafeBytes { SegmentDigests.hashing($0) }
  }

  private func bytes(ofPage page: Int) -> [UInt8] {
    page < pages.count ? Self.bytes(of: pages[page]) : tail
  }

  private func bytes(of segment: Int) -> [UInt8] {
    let first = segment * Geometry.pagesPerSegment
    let end = min(first + Geometry.pagesPerSegment, pages.count)
    let bytes = pages[min(first, end)..<end].flatMap(Self.bytes)
    return segment == shape.segmentCount - 1 ? bytes + tail : bytes
  }

  var imageDigest: Digest {
    var folder = TreeFolder(shape: shape)
    for segment in 0..<shape.segmentCount { folder.append(segment: digests(of: segment).digest) }
    return folder.finish()
  }

  var scanned: Message {
    .scanned(
      Scanned(imageDigest: imageDigest, scannedByteCount: shape.byteCount, zeroByteCount: 0))
  }

  /// All segment digests, as a target says them.
  func segmentRuns(width: DigestWidth = .short) -> Message {
    var runs = SegmentRuns(first: 0, width: width)
    for segment in 0..<shape.segmentCount { runs.append(digests(of: segment).digest) }
    return .segments(runs)
  }

  func groups(of segment: Int, width: DigestWidth = .short) -> Message {
    let digests = digests(of: segment)
    let groups = GroupSet(firstGroups: digests.groups.count).subtracting(digests.zeroGroups)
    return .groups(
      GroupDigests(
        segment: segment, nonzeroGroups: groups,
        digests: NodeDigests(groups.map { digests.groups[$0] }, width: width)))
  }

  /// The names of all pages of a segment that are not zero, or of those in some groups.
  func names(
    of segment: Int, in groups: GroupSet? = nil, width: DigestWidth = .short
  ) -> Message {
    let digests = digests(of: segment)
    let nonzero = GroupSet(firstGroups: digests.groups.count).subtracting(digests.zeroGroups)
    return .pages(digests.names(in: groups ?? nonzero, of: segment, width: width))
  }

  /// A frame with the content of some pages.
  func data(_ wanted: [WantedPages]) -> [UInt8] {
    var builder = DataBatchBuilder(shape: shape)
    for wanted in wanted {
      let first = wanted.segment * Geometry.pagesPerSegment
      builder.append(wanted.pages, of: wanted.segment) { room in
        var room = room[...]
        for page in wanted.pages {
          let bytes = bytes(ofPage: first + page)
          room.copyBytes(bytes)
          room = room.dropFirst(bytes.count)
        }
      }
    }
    return builder.finish(Compressor(), level: nil)
  }

  /// Pages of content, each its own.
  static func content(_ count: Int, from first: UInt64 = 1, tail: [UInt8] = []) -> Pages {
    Pages((0..<count).map { .content(first + UInt64($0)) }, tail: tail)
  }
}

extension Slice<UnsafeMutableRawBufferPointer> {
  /// By memory, since debug builds are slow with single bytes.
  fileprivate func copyBytes(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes {
      UnsafeMutableRawBufferPointer(rebasing: self).copyMemory(from: $0)
    }
  }
}

extension WantedPages {
  init(_ segment: Int, _ pages: [Int]) {
    var set = PageSet()
    for page in pages { set[page] = true }
    self.init(segment: segment, pages: set)
  }
}
