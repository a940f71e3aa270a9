// SPDX-License-Identifier: Apache-2.0

import CZstd

/// Undoes what a compressor did at the other end, and believes nothing that it is told: the
/// result has exactly the announced size, which the caller has compared with its limit, and
/// the whole input is used.
///
/// ## Concurrency
/// One decompressor serves one thread at a time: its context is reused from batch to batch.
@safe package final class Decompressor {
  private let context: OpaquePointer

  package init() {
    guard let context = unsafe ZSTD_createDCtx() else { preconditionFailure("no memory for zstd") }
    unsafe self.context = context
  }

  deinit { _ = unsafe ZSTD_freeDCtx(context) }

  /// The content of the one zstd frame that is the rest of `payload` from `start` on.
  func content(
    of payload: [UInt8], from start: Int, byteCount: Int
  ) throws(WireError) -> [UInt8] {
    var problem: WireError?
    let content = [UInt8](capacity: byteCount) { span in
      unsafe payload.withUnsafeBytes { payload in
        let frame = unsafe UnsafeRawBufferPointer(rebasing: payload[start...])
        if let found = unsafe Decompressor.problem(in: frame, byteCount: byteCount) {
          problem = found
          return
        }
        unsafe span.withUnsafeMutableBufferPointer { room, count in
          let result = unsafe ZSTD_decompressDCtx(
            context, room.baseAddress, room.count, frame.baseAddress, frame.count)
          if ZSTD_isError(result) != 0 {
            problem = unsafe Decompressor.error(String(cString: ZSTD_getErrorName(result)))
          } else {
            count = result
          }
        }
      }
    }
    if let problem { throw problem }
    if content.count != byteCount {
      throw Decompressor.error("\(content.count) bytes", allowed: "\(byteCount) bytes")
    }
    return content
  }

  /// The library may also read formats from before version 1, whose decoders few look after.
  private static let magic: UInt32 = 0xFD2F_B528

  /// What the header of the frame betrays before any work is done.
  private static func problem(
    in frame: UnsafeRawBufferPointer, byteCount: Int
  ) -> WireError? {
    guard frame.count >= 4,
      unsafe UInt32(littleEndian: frame.loadUnaligned(as: UInt32.self)) == magic
    else { return error("another format", allowed: "a zstd frame") }
    let announced = unsafe ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    if announced != UInt64(byteCount) {
      return error("another size in its header", allowed: "\(byteCount) bytes")
    }
    let used = unsafe ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count)
    if ZSTD_isError(used) != 0 || used != frame.count {
      return error("no single zstd frame", allowed: "one of \(frame.count) bytes")
    }
    return nil
  }

  private static func error(
    _ found: String, allowed: String = "a sound zstd frame"
  ) -> WireError {
    WireError(.message, "data", field: "compressed content", found: found, allowed: allowed)
  }
}
