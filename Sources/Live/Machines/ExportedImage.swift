// SPDX-License-Identifier: Apache-2.0

import Storage
import Transfer

/// The content of a disk that only QEMU can read, while QEMU gives it out, with breaks.
///
/// Where a disk has an iothread QEMU 7.2 may die when the disk changes over between that thread and
/// the main loop while it is given out, as it does in every pause. So the export goes before the
/// machine is paused or goes on, and comes again after; who reads meanwhile waits.
///
/// ## Concurrency
/// `state` is behind its lock; an image is taken away only when nobody reads from it.
final class ExportedImage: CopySource {
  private enum Content {
    case open(NbdImage)
    case away
    case failed(StorageError)
  }

  private struct State {
    var content: Content
    var readerCount = 0
  }

  let name: String
  let byteCount: UInt64
  let identity: ImageIdentity
  let notes: [String]
  private let state: Monitor<State>

  /// A break is as long as a machine takes to go on.
  private static let patienceSeconds = 60.0

  init(_ image: NbdImage) {
    name = image.name
    byteCount = image.byteCount
    identity = image.identity
    notes = image.notes
    state = Monitor(State(content: .open(image)))
  }

  var kind: ImageKind { .device }

  func currentIdentity() throws(StorageError) -> ImageIdentity {
    try reading { image throws(StorageError) in try image.currentIdentity() }
  }

  @unsafe func read(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    try reading { image throws(StorageError) in
      try unsafe image.read(into: bytes, at: offset)
    }
  }

  func extent(at offset: UInt64) throws(StorageError) -> Extent {
    try reading { image throws(StorageError) in try image.extent(at: offset) }
  }

  private func reading<Result>(
    _ body: (NbdImage) throws(StorageError) -> Result
  ) throws(StorageError) -> Result {
    let image = try enter()
    defer { state.update { $0.readerCount -= 1 } }
    return try body(image)
  }

  private func enter() throws(StorageError) -> NbdImage {
    let found = state.wait(seconds: Self.patienceSeconds) { state -> Content? in
      switch state.content {
      case .away: return nil
      case .failed: return state.content
      case .open:
        state.readerCount += 1
        return state.content
      }
    }
    switch found {
    case .open(let image): return image
    case .failed(let error): throw error
    case .away, nil:
      throw StorageError(
        .unsuitable, object: name, sentence: "the machine did not give it out again in time")
    }
  }

  /// Returns when nobody reads any more; whoever wants to waits from now on.
  func takeAway() {
    state.update { $0.content = .away }
    _ = state.wait(seconds: Self.patienceSeconds) { $0.readerCount == 0 ? true : nil }
  }

  func giveBack(_ image: NbdImage) { state.update { $0.content = .open(image) } }

  /// It does not come again.
  func fail(_ sentence: String) {
    let error = StorageError(.unsuitable, object: name, sentence: sentence)
    state.update { $0.content = .failed(error) }
  }
}
