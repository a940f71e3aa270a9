// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// Cuts a stream into records and understands them, whatever the pieces in which it comes.
///
/// A record is given away only when its seal is right, so what comes out was written as it is, and
/// in this order. Bytes go in with `receive` or `append`, then `next` is asked until it gives nil,
/// and at the end `finish`. After an error the stream is lost: it is thrown again.
package struct StreamParser: Sendable {
  private let kind: StreamKind
  private var seal: StreamSeal
  private var staged: [UInt8] = []
  private var consumedByteCount = 0
  private var awaitsMagic = true
  private var recordCount: UInt64 = 0
  private var failure: WireError?
  /// The image that the stream is about, once its first record has come.
  package private(set) var shape: ImageShape?
  /// The last record has come.
  package private(set) var hasEnded = false

  private static let stagingByteCount = 256 << 10

  package init(_ kind: StreamKind) {
    self.kind = kind
    seal = StreamSeal(kind)
  }

  /// Takes bytes that have come already.
  @unsafe package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    compact()
    unsafe staged.append(contentsOf: bytes)
  }

  /// Lends the place where the next bytes belong; `read` fills its beginning and gives the
  /// number of bytes, which is passed on.
  package mutating func receive<Failure: Error>(
    _ read: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    compact()
    var result = 0
    try staged.append(addingCapacity: StreamParser.stagingByteCount) { span throws(Failure) in
      unsafe try span.withUnsafeMutableBufferPointer { room, count throws(Failure) in
        unsafe result = try read(UnsafeMutableRawBufferPointer(room))
        precondition((0...room.count).contains(result), "more bytes than there was room for")
        count = result
      }
    }
    return result
  }

  /// The next complete record, or nil when more must come first.
  package mutating func next() throws(WireError) -> StreamRecord? {
    if let failure { throw failure }
    do throws(WireError) {
      return try parse()
    } catch {
      failure = error
      throw error
    }
  }

  /// To be asked when the input has ended and `next` has given nil.
  package func finish() throws(WireError) {
    if let failure { throw failure }
    if hasEnded { return }
    if awaitsMagic && stagedByteCount == 0 {
      throw WireError(
        .foreignStream, kind.name, field: "magic", found: "nothing at all",
        allowed: String(evidence: kind.magic))
    }
    throw WireError(
      .cutStream, "record \(recordCount + 1)", field: "bytes", found: "\(stagedByteCount)",
      allowed: "a whole record, and an end record")
  }

  private var stagedByteCount: Int { staged.count - consumedByteCount }

  private mutating func compact() {
    if consumedByteCount == 0 { return }
    if stagedByteCount == 0 {
      staged.removeAll(keepingCapacity: true)
    } else if consumedByteCount > stagedByteCount {
      staged.removeFirst(consumedByteCount)
    } else {
      return
    }
    consumedByteCount = 0
  }

  private mutating func parse() throws(WireError) -> StreamRecord? {
    if awaitsMagic {
      guard try readMagic() else { return nil }
    }
    if hasEnded {
      if stagedByteCount == 0 { return nil }
      throw WireError(
        .alteredStream, "\(recordCount)", field: "what follows the end",
        found: "more bytes", allowed: "nothing")
    }
    guard let (type, byteCount) = try readHeader() else { return nil }
    let start = consumedByteCount + WireLimits.frameHeaderByteCount
    let end = start + byteCount - StreamSeal.byteCount
    let body = unsafe staged[start..<end].withUnsafeBytes { unsafe Array($0) }
    let expected = seal.advance(type: type.rawValue, body: body)
    guard staged[end..<end + StreamSeal.byteCount].elementsEqual(expected) else {
      throw WireError(
        .alteredStream, "\(recordCount + 1) (\(type.name))", field: "seal", found: "another",
        allowed: "that of these bytes in this place")
    }
    consumedByteCount = end + StreamSeal.byteCount
    let record = try StreamRecord(type, body: body, shape: shape)
    try check(record)
    recordCount += 1
    return record
  }

  private mutating func check(_ record: StreamRecord) throws(WireError) {
    let isFirst = record.imageByteCount != nil
    guard isFirst == (recordCount == 0), record.type.kinds.contains(kind) else {
      throw WireError(
        .alteredStream, "\(recordCount + 1)", field: "type", found: record.type.name,
        allowed: isFirst ? "no second beginning" : "another one here")
    }
    if let byteCount = record.imageByteCount { shape = ImageShape(byteCount: byteCount) }
    guard case .end(let end) = record else { return }
    if end.recordCount != recordCount {
      throw WireError(
        .alteredStream, "end", field: "records", found: "\(recordCount)",
        allowed: "\(end.recordCount)")
    }
    hasEnded = true
  }

  private mutating func readMagic() throws(WireError) -> Bool {
    let found = staged[consumedByteCount...]
    let byteCount = min(found.count, kind.magic.count)
    if !kind.magic.starts(with: found.prefix(byteCount)) {
      let other = StreamKind.allCases.first { found.starts(with: $0.magic) }
      throw WireError(
        .foreignStream, kind.name, field: "magic",
        found: other.map { "that of a \($0.name)" } ?? String(evidence: found.prefix(16)),
        allowed: String(evidence: kind.magic))
    }
    guard byteCount == kind.magic.count else { return false }
    consumedByteCount += byteCount
    awaitsMagic = false
    return true
  }

  /// Type and byte count of a record that has come as a whole.
  private func readHeader() throws(WireError) -> (type: StreamRecordType, byteCount: Int)? {
    guard stagedByteCount >= WireLimits.frameHeaderByteCount else { return nil }
    let bytes = staged[consumedByteCount..<consumedByteCount + WireLimits.frameHeaderByteCount]
    var byteCount = 0
    for byte in bytes.prefix(4).reversed() { byteCount = byteCount << 8 | Int(byte) }
    guard let type = StreamRecordType(rawValue: bytes[bytes.endIndex - 1]),
      (StreamSeal.byteCount...type.payloadByteCountLimit).contains(byteCount)
    else {
      throw WireError(
        .alteredStream, "\(recordCount + 1)", field: "header",
        found: "type \(bytes[bytes.endIndex - 1]) with \(byteCount) bytes",
        allowed: "a record")
    }
    return stagedByteCount >= bytes.count + byteCount ? (type, byteCount) : nil
  }
}
