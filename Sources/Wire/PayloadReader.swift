// SPDX-License-Identifier: Apache-2.0

import Blocks

/// Reads the fields of one payload in order, and names the field in every error.
///
/// Whatever the bytes are, it reads inside the payload or throws: each access is checked by
/// `RawSpan`, each number is compared with its limit before it becomes an `Int`.
struct PayloadReader {
  private let type: any FrameType
  let width: DigestWidth
  /// The image that the conversation is about, once it is known.
  let shape: ImageShape?
  private let payload: [UInt8]
  private var offset: Int

  init(_ frame: Frame, width: DigestWidth, shape: ImageShape?, offset: Int = 0) {
    self.init(frame.type, frame.payload, width: width, shape: shape, offset: offset)
  }

  init(
    _ type: any FrameType, _ payload: [UInt8], width: DigestWidth, shape: ImageShape?,
    offset: Int = 0
  ) {
    self.offset = offset
    self.type = type
    self.payload = payload
    self.width = width
    self.shape = shape
  }

  var remainingByteCount: Int { payload.count - offset }

  func error(_ field: String, found: String, allowed: String) -> WireError {
    WireError(.message, type.name, field: field, found: found, allowed: allowed)
  }

  /// Passes over `byteCount` bytes and gives the offset where they stand.
  private mutating func take(_ byteCount: Int, _ field: String) throws(WireError) -> Int {
    if byteCount > remainingByteCount {
      throw error(
        field, found: "\(remainingByteCount) bytes left", allowed: "\(byteCount) bytes")
    }
    defer { offset += byteCount }
    return offset
  }

  private func load<I: FixedWidthInteger & BitwiseCopyable>(_ type: I.Type, at offset: Int) -> I {
    // The span checks the bounds; every bit pattern is an integer.
    let bytes = unsafe payload.span.bytes
    return unsafe I(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: type))
  }

  mutating func uint8(_ field: String) throws(WireError) -> UInt8 {
    load(UInt8.self, at: try take(1, field))
  }

  mutating func uint16(_ field: String) throws(WireError) -> UInt16 {
    load(UInt16.self, at: try take(2, field))
  }

  mutating func uint32(_ field: String) throws(WireError) -> UInt32 {
    load(UInt32.self, at: try take(4, field))
  }

  mutating func uint64(_ field: String) throws(WireError) -> UInt64 {
    load(UInt64.self, at: try take(8, field))
  }

  /// A count or an index in `range`, which must hold only numbers that an `Int` can.
  func checked(
    _ value: some UnsignedInteger, _ field: String, in range: ClosedRange<Int>
  ) throws(WireError) -> Int {
    guard let number = Int(exactly: value), range.contains(number) else {
      throw error(
        field, found: "\(value)", allowed: "\(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  mutating func boolean(_ field: String) throws(WireError) -> Bool {
    try checked(uint8(field), field, in: 0...1) == 1
  }

  mutating func choice<Choice: RawRepresentable<UInt8> & CaseIterable>(
    _ field: String, of type: Choice.Type = Choice.self
  ) throws(WireError) -> Choice {
    let number = try uint8(field)
    guard let choice = Choice(rawValue: number) else {
      throw error(
        field, found: "\(number)",
        allowed: Choice.allCases.map { "\($0.rawValue) (\($0))" }.joined(separator: ", "))
    }
    return choice
  }

  /// UTF-8 after its byte count, exactly as it was sent.
  mutating func text(_ field: String, atMost limit: Int) throws(WireError) -> String {
    let byteCount = try checked(uint16(field), field, in: 0...limit)
    let start = try take(byteCount, field)
    let bytes = payload[start..<start + byteCount]
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw error(field, found: String(evidence: bytes), allowed: "UTF-8")
    }
    return text
  }

  /// Text that is only ever shown: what a terminal would obey is escaped.
  mutating func shownText(_ field: String, atMost limit: Int) throws(WireError) -> String {
    try text(field, atMost: limit).displayable
  }

  mutating func imageByteCount(_ field: String) throws(WireError) -> UInt64 {
    let byteCount = try uint64(field)
    if byteCount > WireLimits.imageByteCount {
      throw error(
        field, found: "\(byteCount)", allowed: "at most \(WireLimits.imageByteCount)")
    }
    return byteCount
  }

  /// The number of segments that there are, or that there can be.
  private var segmentLimit: Int { shape?.segmentCount ?? WireLimits.segmentCount }

  mutating func segment(_ field: String) throws(WireError) -> Int {
    let number = try uint64(field)
    guard number < UInt64(segmentLimit) else {
      throw error(
        field, found: "\(number)", allowed: "a segment of \(segmentLimit)")
    }
    return Int(number)
  }

  /// The end of a range of segments: one past the last is allowed.
  mutating func segmentBound(_ field: String) throws(WireError) -> Int {
    try checked(uint64(field), field, in: 0...segmentLimit)
  }

  /// How many segments from `first` on: at least one, and none past the end.
  mutating func segmentCount(_ field: String, from first: Int) throws(WireError) -> Int {
    let count = try uint64(field)
    try checkSegments(count, field, from: first)
    return Int(count)
  }

  func checkSegments(
    _ count: some BinaryInteger, _ field: String, from first: Int
  ) throws(WireError) {
    if count < 1 || count > segmentLimit - first {
      throw error(
        field, found: "\(count) from segment \(first) on",
        allowed: "at least 1 and none past segment \(segmentLimit)")
    }
  }

  /// Groups that `segment` has.
  mutating func groups(_ field: String, of segment: Int) throws(WireError) -> GroupSet {
    let groups = GroupSet(rawValue: try uint16(field))
    if let shape {
      let present = shape.groupCount(inSegment: segment)
      if !groups.isSubset(of: GroupSet(firstGroups: present)) {
        throw error(field, found: "groups past the end", allowed: "the first \(present)")
      }
    }
    return groups
  }

  mutating func pageBits(_ field: String) throws(WireError) -> PageSet {
    let start = try take(WireLimits.pageSetByteCount, field)
    return PageSet(
      words: SIMD4(
        load(UInt64.self, at: start), load(UInt64.self, at: start + 8),
        load(UInt64.self, at: start + 16), load(UInt64.self, at: start + 24)))
  }

  /// Refuses pages that `segment` does not have.
  func check(_ pages: PageSet, _ field: String, of segment: Int) throws(WireError) {
    guard let shape else { return }
    let present = shape.pageCount(inSegment: segment)
    if !pages.isSubset(of: PageSet(firstPages: present)) {
      throw error(field, found: "pages past the end", allowed: "the first \(present)")
    }
  }

  mutating func digest(_ field: String) throws(WireError) -> Digest {
    digest(at: try take(Digest.byteCount, field))
  }

  private func digest(at start: Int) -> Digest {
    Digest(
      load(UInt64.self, at: start), load(UInt64.self, at: start + 8),
      load(UInt64.self, at: start + 16), load(UInt64.self, at: start + 24))
  }

  /// `count` digests of nodes; the caller has compared `count` with its limit.
  mutating func nodeDigests(_ count: Int, _ field: String) throws(WireError) -> NodeDigests {
    let byteCount = width.nodeByteCount
    let start = try take(count * byteCount, field)
    switch width {
    case .short:
      return .short(
        (0..<count).map {
          SteeringDigest(
            low: load(UInt64.self, at: start + $0 * byteCount),
            high: load(UInt64.self, at: start + $0 * byteCount + 8))
        })
    case .full:
      return .full((0..<count).map { digest(at: start + $0 * byteCount) })
    }
  }

  /// `count` names of pages; the caller has compared `count` with its limit.
  mutating func names(_ count: Int, _ field: String) throws(WireError) -> NameList {
    let byteCount = width.pageByteCount
    let start = try take(count * byteCount, field)
    switch width {
    case .short:
      return .short((0..<count).map { load(UInt64.self, at: start + $0 * byteCount) })
    case .full:
      return .full((0..<count).map { digest(at: start + $0 * byteCount) })
    }
  }

  /// The number of a further connection.
  mutating func strand(_ field: String, atLeast least: Int = 1) throws(WireError) -> Int {
    try checked(uint8(field), field, in: least...WireLimits.strandCount)
  }

  /// `byteCount` bytes as they are; the caller has compared the number with its limit.
  mutating func bytes(_ byteCount: Int, _ field: String) throws(WireError) -> [UInt8] {
    let start = try take(byteCount, field)
    return Array(payload[start..<start + byteCount])
  }

  /// Passes over fields that a later version may have added.
  mutating func ignoreRest() {
    offset = payload.count
  }

  /// Everything that is left, for a payload that keeps its bytes.
  mutating func wholePayload() -> [UInt8] {
    offset = payload.count
    return payload
  }

  /// Every byte must have been asked for.
  func finish() throws(WireError) {
    if remainingByteCount > 0 {
      throw error("end", found: "\(remainingByteCount) more bytes", allowed: "none")
    }
  }
}
