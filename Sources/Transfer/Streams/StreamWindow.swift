// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// The part of a stream that the target may still ask for: some segments, each kept until the
/// target has said what it wants of it and that has been read.
///
/// To those who send pages it is an image.
///
/// ## Concurrency
/// Any thread; all state lives in one monitor. The bytes of a held segment do not change.
final class StreamWindow: ReadableImage {
  private struct Held {
    var buffer: PageBuffer
    /// Pages that the target may ask for.
    var pages: PageSet
    /// Bytes that are wanted and not read; nil as long as nothing was asked for.
    var unreadByteCount: Int?
  }

  private struct State {
    var held: [Int: Held] = [:]
    var spare: [PageBuffer] = []
    var isOver = false
  }

  let name: String
  let byteCount: UInt64
  private let state = Monitor(State())

  /// Mebibytes that are kept, so that a long line is never empty for want of them.
  private static let segmentCount = 32

  init(name: String, byteCount: UInt64) {
    self.name = name
    self.byteCount = byteCount
  }

  /// A buffer for the next segment, when there is room for one more; nil when the run is over.
  func take() -> PageBuffer? {
    state.wait { state -> PageBuffer?? in
      if state.isOver { return .some(nil) }
      guard state.held.count < Self.segmentCount else { return nil }
      return .some(state.spare.popLast() ?? PageBuffer(byteCount: Geometry.segmentByteCount))
    }
  }

  func giveBack(_ buffer: PageBuffer) { state.update { $0.spare.append(buffer) } }

  /// Keeps a segment of which the target may ask for pages.
  func hold(_ buffer: PageBuffer, of segment: Int, pages: PageSet) {
    state.update { $0.held[segment] = Held(buffer: buffer, pages: pages) }
  }

  /// What the target wants of a segment; gives all that it could, or nil when it may not.
  func want(_ pages: PageSet, byteCount: Int, of segment: Int) -> PageSet? {
    state.update { state -> PageSet? in
      guard let held = state.held[segment], held.unreadByteCount == nil,
        pages.isSubset(of: held.pages)
      else { return nil }
      state.held[segment]?.unreadByteCount = byteCount
      if byteCount == 0 { Self.release(segment, &state) }
      return held.pages
    }
  }

  /// Waits until nothing is kept any more, or the run is over.
  func drain() {
    state.wait { state -> Void? in state.held.isEmpty || state.isOver ? () : nil }
  }

  /// Nobody waits any longer.
  func close() { state.update { $0.isOver = true } }

  func extent(at offset: UInt64) throws(StorageError) -> Extent {
    Extent(range: offset..<byteCount, isHole: false)
  }

  @unsafe func read(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    let segment = Int(offset / UInt64(Geometry.segmentByteCount))
    let start = Int(offset % UInt64(Geometry.segmentByteCount))
    let buffer = state.peek { $0.held[segment]?.buffer }
    guard let buffer else { preconditionFailure("a segment that is not held") }
    unsafe bytes.copyMemory(
      from: UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<start + bytes.count]))
    let count = bytes.count
    state.update { state in
      let left = (state.held[segment]?.unreadByteCount ?? 0) - count
      state.held[segment]?.unreadByteCount = left
      if left <= 0 { Self.release(segment, &state) }
    }
  }

  private static func release(_ segment: Int, _ state: inout State) {
    if let held = state.held.removeValue(forKey: segment) { state.spare.append(held.buffer) }
  }
}
