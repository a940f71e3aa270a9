// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// A stream as it comes from another machine: cut into frames, and each understood at both
/// widths, with and without an image. The cuts must not matter, and what was understood must
/// be said again in the same bytes.
func fuzzFrames(_ stream: [UInt8]) {
  let awaitsMagic = stream.first == WireLimits.magic.first
  let whole = frames(of: stream, awaitsMagic: awaitsMagic, chunkByteCount: stream.count)
  let chunkByteCount = 1 + Int(stream.last ?? 0) % 23
  let parts = frames(of: stream, awaitsMagic: awaitsMagic, chunkByteCount: chunkByteCount)
  // A stranger is quoted as far as he has come.
  precondition(whole.frames == parts.frames && whole.kind == parts.kind, "cuts matter")
  for frame in whole.frames {
    for width in DigestWidth.allCases {
      for shape in [nil, FuzzImage.shape] { understand(frame, width, shape) }
    }
  }
}

/// The image that messages are about.
enum FuzzImage {
  /// Two whole segments, and one of 18 pages and 5 bytes: that of the golden messages.
  static let shape = ImageShape(byteCount: (2 << 20) + 18 * 4096 + 5)
}

private func frames(
  of stream: [UInt8], awaitsMagic: Bool, chunkByteCount: Int
) -> (frames: [Frame], kind: WireError.Kind?) {
  var parser = FrameParser(awaitsMagic: awaitsMagic)
  var found: [Frame] = []
  var rest = stream[...]
  do throws(WireError) {
    while !rest.isEmpty {
      // Small pieces are read in place, all at once is taken as it came.
      let chunk = rest.prefix(chunkByteCount)
      if chunkByteCount == stream.count {
        unsafe chunk.withUnsafeBytes { unsafe parser.append($0) }
      } else {
        _ = unsafe parser.receive { room in
          unsafe chunk.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
          return chunk.count
        }
      }
      rest = rest.dropFirst(chunkByteCount)
      while let frame = try parser.next() { found.append(frame) }
    }
    try parser.finish()
    return (found, nil)
  } catch {
    return (found, error.kind)
  }
}

private func understand(_ frame: Frame, _ width: DigestWidth, _ shape: ImageShape?) {
  guard let message = try? Message(frame, width: width, shape: shape) else { return }
  precondition(message.type == frame.type, "another message")
  let bytes = message.encoded()
  switch message {
  case .hello, .source, .target, .failure, .note:
    // Their text may have been escaped, and a hello cut; what is left must be stable.
    break
  default:
    precondition(bytes.dropFirst(5).elementsEqual(frame.payload), "not what was understood")
  }
}
