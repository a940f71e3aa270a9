// SPDX-License-Identifier: Apache-2.0

import CZstd

/// Makes batches smaller with zstd, and says when that is not worth it.
///
/// ## Concurrency
/// One compressor serves one thread at a time: its context is reused from batch to batch.
@safe package final class Compressor {
  private let context: OpaquePointer
  /// Where a sample goes that is only compressed to see how far it shrinks.
  private var scratch: [UInt8]

  private static let sampleByteCount = 2048

  package init() {
    guard let context = unsafe ZSTD_createCCtx() else { preconditionFailure("no memory for zstd") }
    unsafe self.context = context
    scratch = [UInt8](repeating: 0, count: ZSTD_compressBound(Compressor.sampleByteCount))
  }

  deinit { _ = unsafe ZSTD_freeCCtx(context) }

  /// Appends one zstd frame with the bytes of `content` from `start` on, or leaves `output`
  /// alone and gives false when these bytes do not shrink by a sixteenth.
  ///
  /// Levels are those of zstd; negative ones are faster and weaker.
  package func append(
    _ content: [UInt8], from start: Int, level: Int, to output: inout [UInt8]
  ) -> Bool {
    let byteCount = content.count - start
    let allowedByteCount = byteCount - max(1, byteCount / 16)
    guard byteCount > 1 else { return false }
    return unsafe content.withUnsafeBytes { content in
      let content = unsafe UnsafeRawBufferPointer(rebasing: content[start...])
      guard unsafe isWorthTrying(content) else { return false }
      let before = output.count
      output.append(addingCapacity: allowedByteCount) { span in
        unsafe span.withUnsafeMutableBufferPointer { room, count in
          unsafe count = compress(content, into: UnsafeMutableRawBufferPointer(room), level) ?? 0
        }
      }
      return output.count > before
    }
  }

  /// Whether a sample from the middle shrinks at all: a large batch of data that does not is
  /// recognised in the time of reading it.
  private func isWorthTrying(_ content: UnsafeRawBufferPointer) -> Bool {
    let sampleByteCount = Compressor.sampleByteCount
    guard content.count > 4 * sampleByteCount else { return true }
    let start = (content.count - sampleByteCount) / 2
    let sample = unsafe UnsafeRawBufferPointer(rebasing: content[start..<start + sampleByteCount])
    let shrunk = unsafe scratch.withUnsafeMutableBytes { room in
      unsafe compress(sample, into: room, 1)
    }
    guard let shrunk else { return false }
    return shrunk * 100 <= sampleByteCount * 98
  }

  /// The byte count of the result, or nil when it does not fit.
  private func compress(
    _ content: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer, _ level: Int
  ) -> Int? {
    let level = min(max(level, Int(ZSTD_minCLevel())), Int(ZSTD_maxCLevel()))
    let result = unsafe ZSTD_compressCCtx(
      context, room.baseAddress, room.count, content.baseAddress, content.count, Int32(level))
    return ZSTD_isError(result) == 0 ? result : nil
  }
}
