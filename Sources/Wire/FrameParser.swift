// SPDX-License-Identifier: Apache-2.0

/// Cuts a stream into frames, whatever the pieces in which the stream comes.
///
/// Bytes go in with `append`, or better with `receive`, which lends the place where the next
/// bytes belong: most of a large payload is then read straight into the array that the frame
/// will own. Then `next` is asked until it gives nil, and at the end of the stream `finish`.
/// Headers are judged before memory is found for a payload, and after an error the stream is
/// lost: the same error is thrown again.
package struct FrameParser: Sendable {
  private struct Header {
    let type: MessageType
    let payloadByteCount: Int
  }

  /// A frame whose payload is not complete. As long as there is one and `next` has given nil,
  /// nothing is staged: all that has come is in it.
  private struct Partial {
    let header: Header
    var payload: [UInt8] = []

    init(_ header: Header) {
      self.header = header
      payload.reserveCapacity(header.payloadByteCount)
    }

    var missingByteCount: Int { header.payloadByteCount - payload.count }
  }

  private var staged: [UInt8] = []
  private var consumedByteCount = 0
  private var partial: Partial?
  private var awaitsMagic: Bool
  private var failure: WireError?

  /// How much is asked for when it is not known what comes.
  private static let stagingByteCount = 64 << 10

  /// What has grown larger for an unusual piece is given back.
  private static let keptByteCount = 2 * WireLimits.payloadByteCount

  /// For a stream from its beginning, or from a boundary between two frames on.
  package init(awaitsMagic: Bool = true) {
    self.awaitsMagic = awaitsMagic
  }

  /// Takes bytes that have come already.
  @unsafe package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    var rest = unsafe bytes[...]
    if hasNothingStaged, let missing = partial?.missingByteCount {
      unsafe partial?.payload.append(contentsOf: rest.prefix(missing))
      unsafe rest = rest.dropFirst(missing)
    }
    compact()
    unsafe staged.append(contentsOf: rest)
  }

  /// Lends the place where the next bytes belong; `read` fills its beginning and gives the
  /// number of bytes, which is passed on.
  package mutating func receive<Failure: Error>(
    _ read: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    if hasNothingStaged, let missing = partial?.missingByteCount,
      missing >= FrameParser.stagingByteCount
    {
      return try unsafe FrameParser.extend(&partial!.payload, by: missing, read)
    }
    compact()
    return try unsafe FrameParser.extend(&staged, by: FrameParser.stagingByteCount, read)
  }

  /// The next complete frame, or nil when more must come first.
  package mutating func next() throws(WireError) -> Frame? {
    if let failure { throw failure }
    do throws(WireError) {
      return try parse()
    } catch {
      failure = error
      throw error
    }
  }

  /// To be asked when the stream has ended and `next` has given nil: refuses an end that is
  /// not between two frames.
  package func finish() throws(WireError) {
    if let failure { throw failure }
    if awaitsMagic {
      throw WireError(
        .endOfStream, "the greeting", field: "magic", found: "\(stagedByteCount)",
        allowed: "\(WireLimits.magic.count) bytes")
    }
    if let partial {
      throw WireError(
        .endOfStream, "message \(partial.header.type.name)", field: "payload",
        found: "\(partial.payload.count)", allowed: "\(partial.header.payloadByteCount) bytes")
    }
    if !hasNothingStaged {
      throw WireError(
        .endOfStream, "a frame", field: "header", found: "\(stagedByteCount)",
        allowed: "\(WireLimits.frameHeaderByteCount) bytes")
    }
  }

  private var stagedByteCount: Int { staged.count - consumedByteCount }
  private var hasNothingStaged: Bool { stagedByteCount == 0 }

  /// Forgets what has been consumed, or will never be; each byte that stays is moved at most
  /// once for as many that went.
  private mutating func compact() {
    if hasNothingStaged || failure != nil {
      staged.removeAll(keepingCapacity: staged.capacity <= FrameParser.keptByteCount)
    } else if consumedByteCount > stagedByteCount {
      staged.removeFirst(consumedByteCount)
    } else {
      return
    }
    consumedByteCount = 0
  }

  private mutating func parse() throws(WireError) -> Frame? {
    if awaitsMagic {
      guard try readMagic() else { return nil }
      awaitsMagic = false
    }
    if partial == nil {
      guard let header = try readHeader() else { return nil }
      if stagedByteCount >= header.payloadByteCount {
        return Frame(type: header.type, payload: take(header.payloadByteCount))
      }
      partial = Partial(header)
    }
    fillPartial()
    guard let partial, partial.missingByteCount == 0 else { return nil }
    self.partial = nil
    return Frame(type: partial.header.type, payload: partial.payload)
  }

  private mutating func fillPartial() {
    guard let missing = partial?.missingByteCount else { return }
    let byteCount = min(missing, stagedByteCount)
    partial?.payload.append(contentsOf: staged[consumedByteCount..<consumedByteCount + byteCount])
    consumedByteCount += byteCount
  }

  private mutating func take(_ byteCount: Int) -> [UInt8] {
    defer { consumedByteCount += byteCount }
    return Array(staged[consumedByteCount..<consumedByteCount + byteCount])
  }

  /// A stranger is recognised by his first wrong byte: he may never send as many as ours.
  private mutating func readMagic() throws(WireError) -> Bool {
    let found = staged[consumedByteCount...]
    let byteCount = min(found.count, WireLimits.magic.count)
    if !WireLimits.magic.starts(with: found.prefix(byteCount)) {
      throw WireError(
        .magic, "the greeting", field: "magic", found: String(evidence: found),
        allowed: String(evidence: WireLimits.magic))
    }
    guard byteCount == WireLimits.magic.count else { return false }
    consumedByteCount += byteCount
    return true
  }

  private mutating func readHeader() throws(WireError) -> Header? {
    guard stagedByteCount >= WireLimits.frameHeaderByteCount else { return nil }
    let bytes = staged[consumedByteCount..<consumedByteCount + WireLimits.frameHeaderByteCount]
    var payloadByteCount = 0
    for byte in bytes.prefix(4).reversed() { payloadByteCount = payloadByteCount << 8 | Int(byte) }
    let number = bytes[bytes.endIndex - 1]
    guard let type = MessageType(rawValue: number) else {
      throw WireError(
        .message, "of unknown type", field: "type", found: "\(number)",
        allowed: "1 to \(MessageType.allCases.count)")
    }
    if payloadByteCount > type.payloadByteCountLimit {
      throw WireError(
        .message, type.name, field: "payload", found: "\(payloadByteCount) bytes",
        allowed: "at most \(type.payloadByteCountLimit)")
    }
    consumedByteCount += WireLimits.frameHeaderByteCount
    return Header(type: type, payloadByteCount: payloadByteCount)
  }

  private static func extend<Failure: Error>(
    _ bytes: inout [UInt8], by byteCount: Int,
    _ read: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    var result = 0
    try bytes.append(addingCapacity: byteCount) { span throws(Failure) in
      unsafe try span.withUnsafeMutableBufferPointer { room, count throws(Failure) in
        unsafe result = try read(UnsafeMutableRawBufferPointer(room))
        precondition((0...byteCount).contains(result), "more bytes than there was room for")
        count = result
      }
    }
    return result
  }
}
