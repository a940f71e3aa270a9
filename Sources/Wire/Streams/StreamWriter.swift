// SPDX-License-Identifier: Apache-2.0

/// Makes the bytes of a stream, record by record.
package struct StreamWriter: Sendable {
  private let kind: StreamKind
  private var seal: StreamSeal
  private var recordCount: UInt64 = 0

  package init(_ kind: StreamKind) {
    self.kind = kind
    seal = StreamSeal(kind)
  }

  /// The bytes of the next record; those of the first begin with the magic. The count in an `end`
  /// is filled in here.
  package mutating func encode(_ record: StreamRecord) -> [UInt8] {
    precondition(record.type.kinds.contains(kind), "a record of another kind of stream")
    if case .end(var end) = record {
      end.recordCount = recordCount
      return encode(frame: StreamRecord.end(end).encoded())
    }
    return encode(frame: record.encoded())
  }

  /// The same, of a frame that is made already, as `DataBatchBuilder` makes them.
  package mutating func encode(frame: [UInt8]) -> [UInt8] {
    let headerByteCount = WireLimits.frameHeaderByteCount
    let number = frame[headerByteCount - 1]
    guard let type = StreamRecordType(rawValue: number) else {
      preconditionFailure("\(number) is no record")
    }
    let body = unsafe frame[headerByteCount...].withUnsafeBytes { unsafe Array($0) }
    var bytes = recordCount == 0 ? kind.magic + frame : frame
    let start = bytes.count - frame.count
    bytes += seal.advance(type: number, body: body)
    StreamWriter.setCount(body.count + StreamSeal.byteCount, of: type, at: start, in: &bytes)
    recordCount += 1
    return bytes
  }

  private static func setCount(
    _ count: Int, of type: StreamRecordType, at start: Int, in bytes: inout [UInt8]
  ) {
    precondition(count <= type.payloadByteCountLimit, "\(type.name) is too large")
    for index in 0..<4 { bytes[start + index] = UInt8(truncatingIfNeeded: count >> (8 * index)) }
  }
}
