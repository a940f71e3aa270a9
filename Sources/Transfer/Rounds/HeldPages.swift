// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// What was read of a segment in a round, kept until the target has said which pages of it it
/// lacks: so that what is sent bears the name that was given, whoever writes to the image
/// meanwhile.
struct HeldSegment: Sendable {
  let groups: GroupSet
  /// The groups one behind the other.
  let content: PageBuffer
  /// Pages that were asked for and not taken; nil until the target has answered.
  var awaitedPageCount: Int?

  /// Where a group's bytes are.
  func offset(of group: Int) -> Int {
    GroupSet(firstGroups: group).intersection(groups).count * Geometry.groupByteCount
  }
}

/// The image as the senders of pages read it: what is held, as it was; all else as it is now.
final class HeldPages: ReadableImage {
  private let image: any ReadableImage
  private let state: Monitor<SourceState>

  init(_ image: any ReadableImage, _ state: Monitor<SourceState>) {
    self.image = image
    self.state = state
  }

  var byteCount: UInt64 { image.byteCount }
  var name: String { image.name }

  func extent(at offset: UInt64) throws(StorageError) -> Extent { try image.extent(at: offset) }

  /// Whole pages of one segment.
  @unsafe func read(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    let segment = Int(offset / UInt64(Geometry.segmentByteCount))
    let start = Int(offset % UInt64(Geometry.segmentByteCount))
    guard let held = state.peek({ $0.held[segment] }),
      start + bytes.count <= Geometry.segmentByteCount
    else { return try unsafe image.read(into: bytes, at: offset) }
    var done = 0
    while done < bytes.count {
      let group = (start + done) / Geometry.groupByteCount
      let inside = (start + done) % Geometry.groupByteCount
      let count = min(bytes.count - done, Geometry.groupByteCount - inside)
      guard held.groups[group] else { return try unsafe image.read(into: bytes, at: offset) }
      let place = held.offset(of: group) + inside
      unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[done..<done + count]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: held.content.bytes[place..<place + count]))
      done += count
    }
    let pageCount = (bytes.count + Geometry.pageByteCount - 1) / Geometry.pageByteCount
    state.update { $0.took(pageCount, of: segment) }
  }
}

extension SourceState {
  /// So much may be held at once.
  static let heldByteLimit = 32 << 20

  mutating func hold(_ segment: HeldSegment, as number: Int) {
    held[number] = segment
    heldByteCount += segment.content.byteCount
  }

  /// The target has answered. False when it was not asked.
  mutating func expect(_ pageCount: Int, of segment: Int) -> Bool {
    guard let entry = held[segment], entry.awaitedPageCount == nil else { return false }
    held[segment]?.awaitedPageCount = pageCount
    if pageCount == 0 { release(segment) }
    return true
  }

  mutating func took(_ pageCount: Int, of segment: Int) {
    guard let awaited = held[segment]?.awaitedPageCount else { return }
    held[segment]?.awaitedPageCount = awaited - pageCount
    if awaited <= pageCount { release(segment) }
  }

  private mutating func release(_ segment: Int) {
    guard let entry = held.removeValue(forKey: segment) else { return }
    heldByteCount -= entry.content.byteCount
  }
}
