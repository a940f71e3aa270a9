// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Testing
import Wire

/// A stream is what was written, all of it and nothing else, or it is refused.
@Suite struct StreamParserTests {
  /// The records that come out before the first error, and that error.
  private static func parse(
    _ bytes: some Sequence<UInt8>, as kind: StreamKind, chunkByteCount: Int = .max
  ) -> (records: [StreamRecord], error: WireError?) {
    var parser = StreamParser(kind)
    var records: [StreamRecord] = []
    var rest = Array(bytes)[...]
    do {
      while !rest.isEmpty {
        Array(rest.prefix(chunkByteCount)).withUnsafeBytes { parser.append($0) }
        rest = rest.dropFirst(chunkByteCount)
        while let record = try parser.next() { records.append(record) }
      }
      try parser.finish()
      return (records, nil)
    } catch {
      return (records, error)
    }
  }

  @Test(arguments: GoldenStream.all)
  func bytesAreGolden(_ golden: GoldenStream) throws {
    if getenv("BLKMOVE_WRITE_GOLDEN") != nil { try golden.store() }
    let bytes = try golden.storedBytes()
    #expect(golden.encoded == bytes)
    for chunkByteCount in [Int.max, 1, 7, 4096] {
      let parsed = Self.parse(bytes, as: golden.kind, chunkByteCount: chunkByteCount)
      #expect(parsed.error == nil && parsed.records == golden.records)
    }
  }

  @Test func everyRecordIsGolden() {
    let types = Set(GoldenStream.all.flatMap(\.records).map(\.type))
    #expect(types == Set(StreamRecordType.allCases))
    #expect(StreamKind.version == 1)
  }

  @Test func bytesAreReadWhereTheyBelong() throws {
    let bytes = GoldenStream.delta.encoded
    var parser = StreamParser(.delta)
    var records: [StreamRecord] = []
    var position = 0
    while true {
      let count = parser.receive { room in
        let piece = bytes[position..<min(bytes.count, position + 5000)]
        room.copyBytes(from: piece)
        return piece.count
      }
      position += count
      while let record = try parser.next() { records.append(record) }
      if count == 0 { break }
    }
    try parser.finish()
    #expect(records == GoldenStream.delta.records && parser.hasEnded)
    #expect(parser.shape == GoldenMessage.shape)
  }

  @Test(arguments: GoldenStream.all)
  func aCutStreamIsNoticed(_ golden: GoldenStream) {
    let bytes = golden.encoded
    let borders = golden.pieces.reduce(into: [0]) { $0.append($0.last! + $1.count) }
    // Everywhere where little stands, and at and around the borders of the rest.
    let counts = bytes.indices.filter { count in
      count % 97 == 0 || borders.contains { abs($0 - count) < 8 }
    }
    for count in counts {
      let parsed = Self.parse(bytes[..<count], as: golden.kind)
      #expect(parsed.error?.kind == (count == 0 ? .foreignStream : .cutStream), "\(count)")
      #expect(parsed.records.count == borders.lastIndex { $0 <= count })
    }
  }

  /// What comes out before the altered record is what was written, and then nothing does.
  @Test(arguments: GoldenStream.all)
  func anAlteredByteIsNoticedWhereItStands(_ golden: GoldenStream) {
    var bits = TestSeed.bits()
    let bytes = golden.encoded
    let borders = golden.pieces.reduce(into: [0]) { $0.append($0.last! + $1.count) }
    for index in bytes.indices where bytes.count < 4096 || index < 700 || index % 61 == 0 {
      var altered = bytes
      altered[index] ^= UInt8(1 + bits.below(255))
      let parsed = Self.parse(altered, as: golden.kind)
      let expected = borders.lastIndex { $0 <= index }!
      #expect(parsed.error != nil, "byte \(index)")
      #expect(parsed.records == Array(golden.records[..<expected]), "byte \(index)")
    }
  }

  @Test(arguments: GoldenStream.all)
  func aRecordIsOnlyTakenInItsPlace(_ golden: GoldenStream) {
    let pieces = golden.pieces
    for index in pieces.indices {
      var less = pieces
      less.remove(at: index)
      #expect(Self.parse(less.joined(), as: golden.kind).error != nil, "without \(index)")
      var twice = pieces
      twice.insert(pieces[index], at: index)
      #expect(Self.parse(twice.joined(), as: golden.kind).error != nil, "\(index) twice")
      for other in pieces.indices.dropFirst(index + 1) {
        var swapped = pieces
        swapped.swapAt(index, other)
        #expect(Self.parse(swapped.joined(), as: golden.kind).error != nil, "\(index), \(other)")
      }
    }
  }

  @Test(arguments: GoldenStream.all)
  func nothingMayFollow(_ golden: GoldenStream) {
    let bytes = golden.encoded
    for more in [[0], bytes, Array(bytes.prefix(8)), [UInt8](repeating: 0, count: 512)] {
      let parsed = Self.parse(bytes + more, as: golden.kind)
      #expect(parsed.error?.kind == .alteredStream)
      #expect(parsed.error?.description.contains("follows the end") == true)
    }
  }

  @Test(arguments: GoldenStream.all)
  func anotherStreamIsNamed(_ golden: GoldenStream) throws {
    let other = try #require(StreamKind.allCases.first { $0 != golden.kind })
    let error = Self.parse(golden.encoded, as: other).error
    #expect(error?.kind == .foreignStream)
    #expect(error?.description.contains("that of a \(golden.kind.name)") == true)
    let stranger = Self.parse(Array("#!/bin/sh\n".utf8), as: golden.kind).error
    #expect(stranger?.kind == .foreignStream)
    #expect(Self.parse(WireLimits.magic, as: golden.kind).error?.kind == .foreignStream)
  }

  /// A record that was never written by us, with a right seal: as by a program with a mistake.
  private static func parse(
    _ body: [UInt8], of type: StreamRecordType, behind first: StreamRecord
  ) -> WireError? {
    let kind: StreamKind = first.type == .manifest ? .manifest : .delta
    var writer = StreamWriter(kind)
    let bytes = writer.encode(first) + writer.encode(frame: [0, 0, 0, 0, type.rawValue] + body)
    let parsed = parse(bytes, as: kind)
    return parsed.error?.kind == .cutStream ? nil : parsed.error
  }

  @Test func anotherVersionIsRefusedBySentence() {
    var writer = StreamWriter(.delta)
    let bytes = writer.encode(frame: [0, 0, 0, 0, StreamRecordType.delta.rawValue, 2, 0])
    let error = Self.parse(bytes, as: .delta).error
    #expect(error?.kind == .foreignStream && error?.found == "2" && error?.allowed == "1")
  }

  @Test func countsAreBounded() {
    let start = GoldenStream.delta.records[0]
    let big = StreamRecord.delta(
      DeltaStart(
        baseByteCount: 0, imageByteCount: WireLimits.imageByteCount, program: "", baseName: "",
        name: ""))
    func outline(_ count: UInt64, _ kind: UInt8, digests: Int) -> [UInt8] {
      [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, kind]
        + (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
        + [UInt8](repeating: 1, count: 32 * digests)
    }
    let limit = StreamLimits.digestsPerRecord
    #expect(Self.parse(outline(3, 0, digests: 0), of: .outline, behind: start) == nil)
    #expect(Self.parse(outline(4, 0, digests: 0), of: .outline, behind: start) != nil)
    #expect(Self.parse(outline(1 << 40, 0, digests: 0), of: .outline, behind: big) == nil)
    #expect(Self.parse(outline(1 << 40 + 1, 0, digests: 0), of: .outline, behind: big) != nil)
    #expect(Self.parse(outline(UInt64.max, 1, digests: 0), of: .outline, behind: big) != nil)
    #expect(Self.parse(outline(1 << 40, 2, digests: 2), of: .outline, behind: big) != nil)
    let most = outline(UInt64(limit), 1, digests: limit)
    #expect(Self.parse(most, of: .outline, behind: big) == nil)
    let more = outline(UInt64(limit / 2 + 1), 2, digests: limit + 2)
    #expect(Self.parse(more, of: .outline, behind: big) != nil)
    #expect(Self.parse(outline(1, 6, digests: 1), of: .outline, behind: start) != nil)
  }

  @Test func placesOutsideOfTheImageAreRefused() {
    let start = GoldenStream.delta.records[0]
    func details(_ segment: UInt8, _ groups: UInt16, zeroPage: Int? = nil) -> [UInt8] {
      var zero = [UInt8](repeating: 0, count: 32)
      if let zeroPage { zero[zeroPage / 8] = 1 << (zeroPage % 8) }
      return [1, 0, segment, 0, 0, 0, 0, 0, 0, 0]
        + [UInt8(truncatingIfNeeded: groups), UInt8(truncatingIfNeeded: groups >> 8)] + zero
        + [UInt8](repeating: 7, count: 32 + 32 * groups.nonzeroBitCount)
    }
    #expect(Self.parse(details(2, 3), of: .details, behind: start) == nil)
    #expect(Self.parse(details(2, 1, zeroPage: 15), of: .details, behind: start) == nil)
    #expect(Self.parse(details(3, 1), of: .details, behind: start) != nil)
    #expect(Self.parse(details(2, 4), of: .details, behind: start) != nil)
    #expect(Self.parse(details(2, 0), of: .details, behind: start) != nil)
    #expect(Self.parse(details(2, 3, zeroPage: 19), of: .details, behind: start) != nil)
    #expect(Self.parse(details(2, 1, zeroPage: 16), of: .details, behind: start) != nil)
    #expect(Self.parse([2, 0, 0, 0, 0, 0, 0, 0, 1], of: .zero, behind: start) != nil)
  }
}
