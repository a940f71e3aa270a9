// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Writes an image as a stream of its bytes, segment by segment, zeros written out, and knows at
/// the end the digest of what it wrote.
final class ImageEmitter {
  private let output: ByteOutput
  private let shape: ImageShape
  private let counters: Counters
  private var folder: TreeFolder
  private let zeros = PageBuffer(byteCount: Geometry.segmentByteCount)
  private(set) var writtenByteCount: UInt64 = 0

  init(_ output: ByteOutput, shape: ImageShape, counters: Counters) {
    self.output = output
    self.shape = shape
    self.counters = counters
    folder = TreeFolder(shape: shape)
  }

  /// The next segment.
  var segment: Int { folder.segmentCount }

  /// Writes the next segment.
  @unsafe func write(
    _ bytes: UnsafeRawBufferPointer, digest: Digest
  ) throws(TransferError) {
    try unsafe put(bytes)
    folder.append(segment: digest)
    counters.add(UInt64(bytes.count), to: .sent)
    counters.set(.scanned, to: writtenByteCount)
  }

  /// Writes zeros up to a segment.
  func writeZeros(upTo end: Int) throws(TransferError) {
    while segment < end {
      let count = shape.segmentLength(segment)
      try unsafe put(UnsafeRawBufferPointer(rebasing: zeros.bytes[..<count]))
      folder.appendZeroSegments(1)
      counters.add(UInt64(count), to: .zero)
      counters.set(.scanned, to: writtenByteCount)
    }
  }

  /// When all segments are written.
  func finish() throws(TransferError) -> Digest {
    do throws(StorageError) {
      try output.close()
    } catch {
      throw TransferError(.stream, error)
    }
    return folder.finish()
  }

  /// What cannot be taken back must at least be said.
  func explain(_ error: TransferError) -> TransferError {
    if writtenByteCount == 0 { return error }
    var error = error
    error.hint =
      "at least \(writtenByteCount) bytes of \(shape.byteCount) were written; they are no image"
    return error
  }

  private func put(_ bytes: UnsafeRawBufferPointer) throws(TransferError) {
    do throws(StorageError) {
      try unsafe output.write(bytes)
    } catch {
      throw TransferError(.stream, error)
    }
    writtenByteCount += UInt64(bytes.count)
  }
}
