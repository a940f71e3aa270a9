// SPDX-License-Identifier: Apache-2.0

import Blocks

/// Writes the fields of one message behind room for its frame header; `finish` fills the
/// header in. What it is given comes from this program, so counts are preconditions.
struct PayloadWriter {
  private let type: any FrameType
  private var bytes: [UInt8]

  init(_ type: any FrameType, payloadByteCount: Int = 64) {
    self.type = type
    bytes = []
    bytes.reserveCapacity(WireLimits.frameHeaderByteCount + payloadByteCount)
    bytes.append(contentsOf: repeatElement(0, count: WireLimits.frameHeaderByteCount))
  }

  /// Fills in the header of a frame that starts `bytes`.
  static func writeHeader(_ type: any FrameType, into bytes: inout [UInt8]) {
    let payloadByteCount = bytes.count - WireLimits.frameHeaderByteCount
    precondition(payloadByteCount <= type.payloadByteCountLimit, "\(type.name) is too large")
    for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: payloadByteCount >> (8 * index)) }
    bytes[4] = type.rawValue
  }

  consuming func finish() -> [UInt8] {
    PayloadWriter.writeHeader(type, into: &bytes)
    return bytes
  }

  static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
  }

  mutating func write(_ value: some FixedWidthInteger) {
    PayloadWriter.append(value, to: &bytes)
  }

  mutating func write(_ value: Bool) {
    write(UInt8(value ? 1 : 0))
  }

  /// UTF-8 after its byte count. What is longer than `limit` loses its end: a sentence that
  /// is cut is better than a run that ends for it.
  mutating func write(_ text: String, atMost limit: Int) {
    let cut = text.cut(toByteCount: limit).utf8
    write(UInt16(cut.count))
    bytes.append(contentsOf: cut)
  }

  mutating func write(_ pages: PageSet) {
    for index in 0..<4 { write(pages.words[index]) }
  }

  mutating func write(_ digest: Digest) {
    digest.append(to: &bytes)
  }

  mutating func write(_ digests: NodeDigests) {
    switch digests {
    case .short(let digests):
      unsafe write(digests, byteCount: SteeringDigest.byteCount) { digest, room in
        unsafe room.storeBytes(of: digest.low.littleEndian, as: UInt64.self)
        unsafe room.storeBytes(of: digest.high.littleEndian, toByteOffset: 8, as: UInt64.self)
      }
    case .full(let digests): write(digests)
    }
  }

  mutating func write(_ names: NameList) {
    switch names {
    case .short(let names):
      unsafe write(names, byteCount: 8) { name, room in
        unsafe room.storeBytes(of: name.littleEndian, as: UInt64.self)
      }
    case .full(let digests): write(digests)
    }
  }

  mutating func write(_ digests: [Digest]) {
    unsafe write(digests, byteCount: Digest.byteCount) { digest, room in
      unsafe digest.withBytes { unsafe room.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    }
  }

  /// Writes many values of one size: a 64 KiB message is made in microseconds.
  private mutating func write<Value>(
    _ values: [Value], byteCount: Int, store: (Value, UnsafeMutableRawPointer) -> Void
  ) {
    bytes.append(addingCapacity: values.count * byteCount) { span in
      unsafe span.withUnsafeMutableBufferPointer { room, count in
        guard let start = room.baseAddress else { return }
        for value in values {
          unsafe store(value, UnsafeMutableRawPointer(start + count))
          count += byteCount
        }
      }
    }
  }

  mutating func write(contentsOf payload: [UInt8]) {
    bytes.append(contentsOf: payload)
  }
}
