// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A source that somebody writes to while it is copied.
///
/// A device is read past this machine's page cache: what a file system on it has written is on the
/// device, and the cache of the device need not know. So is a file that somebody else shows, where
/// that is said. Parts that are better sent late are hidden:
/// until they are revealed they read as zeros.
///
/// ## Concurrency
/// Reads as any source does; `reveal` may be called at any time.
package final class LiveImage: CopySource {
  private let image: any CopySource
  private let directReader: DirectReader?
  /// Ascending, apart from each other.
  private let hidden: [Range<UInt64>]
  private let isRevealed = Atomic(false)

  package init(
    _ image: any CopySource, hiding hidden: [Range<UInt64>] = [], pastCache: Bool = false,
    on machine: Machine = .here
  ) {
    self.image = image
    self.hidden = hidden.sorted { $0.lowerBound < $1.lowerBound }
    let file = image as? SourceImage
    // Holes are asked for: what is only in memory yet must be known to the file system.
    if let file, file.kind == .file {
      try? file.descriptor.calls.synchronizeData(file.descriptor.number)
    }
    directReader =
      file != nil && (pastCache || file!.kind == .device)
      ? DirectReader(file!.descriptor, alignment: DirectReader.commonAlignment, on: machine) : nil
  }

  package var byteCount: UInt64 { image.byteCount }
  package var name: String { image.name }
  package var kind: ImageKind { image.kind }
  package var identity: ImageIdentity { image.identity }
  /// That it is in use is why it is copied so.
  package var notes: [String] { [] }

  package func currentIdentity() throws(StorageError) -> ImageIdentity {
    try image.currentIdentity()
  }

  package func findManifest(_ place: ManifestPlace) -> Manifest.Finding {
    image.findManifest(place)
  }

  /// Shows what was hidden; it is as if it had just been written.
  package func reveal() { isRevealed.store(true, ordering: .releasing) }

  private var nowHidden: [Range<UInt64>] {
    isRevealed.load(ordering: .acquiring) ? [] : hidden
  }

  @unsafe package func read(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    if let directReader, let file = image as? SourceImage {
      try StorageError.requireInside(
        byteCount, offset, count: UInt64(bytes.count), of: name, "read")
      try unsafe directReader.read(into: bytes, at: offset, cached: file.descriptor, of: name)
    } else {
      try unsafe image.read(into: bytes, at: offset)
    }
    let range = offset..<offset + UInt64(bytes.count)
    for part in nowHidden where part.overlaps(range) {
      let inside = part.clamped(to: range)
      let (start, end) = (Int(inside.lowerBound - offset), Int(inside.upperBound - offset))
      unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end])
        .initializeMemory(as: UInt8.self, repeating: 0)
    }
  }

  package func extent(at offset: UInt64) throws(StorageError) -> Extent {
    var end = byteCount
    for part in nowHidden {
      if part.contains(offset) { return Extent(range: offset..<part.upperBound, isHole: true) }
      if part.lowerBound > offset { end = min(end, part.lowerBound) }
    }
    let extent = try image.extent(at: offset)
    return Extent(
      range: offset..<min(extent.range.upperBound, end), isHole: extent.isHole)
  }
}
