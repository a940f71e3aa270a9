// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Live

@Suite struct TracePageTests {
  static let page = """
    \tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
    \tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
    \tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
    \tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;
    """
  static let event = """
    name: block_rq_complete
    ID: 2107
    format:
    \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
    \tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
    \tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
    \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

    \tfield:dev_t dev;\toffset:8;\tsize:4;\tsigned:0;
    \tfield:sector_t sector;\toffset:16;\tsize:8;\tsigned:0;
    \tfield:unsigned int nr_sector;\toffset:24;\tsize:4;\tsigned:0;
    \tfield:int error;\toffset:28;\tsize:4;\tsigned:1;
    \tfield:char rwbs[10];\toffset:34;\tsize:10;\tsigned:0;
    \tfield:__data_loc char[] cmd;\toffset:44;\tsize:4;\tsigned:0;

    print fmt: "%d,%d %s (%s) %llu + %u [%d]", REC->dev
    """
  static let format = TraceFormat(event: event, page: page)!

  @Test func theFormatIsRead() {
    let format = Self.format
    #expect(format.identifier == 2107)
    #expect(format.letters == TraceFormat.Field(offset: 34, byteCount: 10))
    #expect(format.eventByteCount == 44)
    #expect(format.pageByteCount == 4096)
  }

  @Test(arguments: [
    ("ID: 2107", "ID: x"), ("ID: 2107", ""), (" dev;", " device;"), ("size:8", "size:9"),
    ("nr_sector;\toffset:24;\tsize:4", "nr_sector;\toffset:24;\tsize:8"),
    ("offset:34", "offset:99999999"), ("common_type;\toffset:0", "common_type;\toffset:4"),
    ("rwbs[10];\toffset:34;\tsize:10", "rwbs[1];\toffset:34;\tsize:1"),
  ])
  func aFormatThatIsNotOursIsRefused(part: (String, String)) {
    let changed = Self.event.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.replacing(part.0, with: part.1) }.joined(separator: "\n")
    #expect(TraceFormat(event: changed, page: Self.page) == nil)
    #expect(TraceFormat(event: Self.event, page: "") == nil)
    #expect(TraceFormat(event: "", page: Self.page) == nil)
  }

  // MARK: Pages

  /// Events, one after the other.
  struct Events {
    var bytes: [UInt8] = []

    static func bytes(_ number: UInt64, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    static func event(
      _ letters: String, sector: UInt64 = 8, count: UInt64 = 16, identifier: UInt64 = 2107
    ) -> [UInt8] {
      var event = [UInt8](repeating: 0, count: 52)
      event.replaceSubrange(0..<2, with: bytes(identifier, 2))
      event.replaceSubrange(8..<12, with: bytes(7 << 20 | 3, 4))
      event.replaceSubrange(16..<24, with: bytes(sector, 8))
      event.replaceSubrange(24..<28, with: bytes(count, 4))
      event.replaceSubrange(34..<34 + letters.utf8.count, with: letters.utf8)
      return event
    }

    mutating func add(_ event: [UInt8]) {
      bytes += Self.bytes(UInt64(event.count / 4) | 1 << 5, 4) + event
    }

    /// With its count in a word of its own.
    mutating func addLong(_ event: [UInt8]) {
      bytes += Self.bytes(0, 4) + Self.bytes(UInt64(event.count + 4), 4) + event
      while bytes.count % 4 != 0 { bytes.append(0xEE) }
    }

    func page(flags: UInt64 = 0, filled: Int? = nil) -> [UInt8] {
      let commit = UInt64(filled ?? bytes.count) | flags
      let page = Self.bytes(1, 8) + Self.bytes(commit, 8) + bytes
      return page + [UInt8](repeating: 0xEE, count: max(0, 4096 - page.count))
    }
  }

  private func read(_ page: [UInt8]) -> ([TracePage.Write], TracePage.Verdict) {
    var writes: [TracePage.Write] = []
    let verdict = TracePage(page[...], Self.format).read { writes.append($0) }
    return (writes, verdict)
  }

  @Test func whatWasWrittenIsFound() {
    var events = Events()
    events.add(Events.event("WS", sector: 1))
    events.bytes += Events.bytes(30 | 7 << 5, 4) + Events.bytes(9, 4)
    events.addLong(Events.event("D", sector: 2) + [1, 2, 3])
    events.bytes += Events.bytes(29 | 1 << 5, 4) + Events.bytes(8, 4) + [0, 0, 0, 0]
    events.add(Events.event("W", sector: 3, identifier: 2108))
    events.bytes += Events.bytes(31, 4) + Events.bytes(9, 4)
    events.add(Events.event("W", sector: 1 << 40, count: 0xFFFF_FFFF))
    events.bytes += Events.bytes(29, 4) + [7, 7, 7]
    let (writes, verdict) = read(events.page())
    let device: UInt32 = 7 << 20 | 3
    #expect(
      writes == [
        .init(device: device, sector: 1, sectorCount: 16),
        .init(device: device, sector: 2, sectorCount: 16),
        .init(device: device, sector: 1 << 40, sectorCount: 0xFFFF_FFFF),
      ])
    #expect(verdict == .whole)
    #expect(read(events.page(flags: 1 << 31)).1 == .lossy)
    #expect(read(events.page(flags: 3 << 30)).1 == .lossy)
  }

  @Test(arguments: [
    ("R", false), ("RA", false), ("RSM", false), ("FR", false), ("W", true), ("WFS", true),
    ("FWFSM", true), ("D", true), ("DE", true), ("N", true), ("NS", true), ("ZR", true),
    ("F", true),
    ("", true), ("FFFFFFFFFF", true),
  ])
  func whatIsNoReadIsAWrite(letters: String, isWrite: Bool) {
    var events = Events()
    events.add(Events.event(letters))
    #expect(read(events.page()).0.isEmpty == !isWrite)
    var empty = Events()
    empty.add(Events.event(letters, count: 0))
    #expect(read(empty.page()).0.isEmpty)
  }

  @Test func whatIsNoPageIsNotBelieved() {
    var events = Events()
    events.add(Events.event("W"))
    #expect(read(Array(events.page().prefix(15))).1 == .malformed)
    #expect(read(Array(events.page().prefix(16))).1 == .malformed)
    #expect(read(events.page(filled: 4081)).1 == .malformed)
    #expect(read(events.page(filled: 50)).1 == .malformed)
    #expect(read(events.page(filled: 2)).1 == .malformed)
    var short = Events()
    short.add(Array(Events.event("W").prefix(40)))
    #expect(read(short.page()).1 == .malformed)
    var none = Events()
    none.bytes = Events.bytes(0, 4) + Events.bytes(3, 4)
    #expect(read(none.page()).1 == .malformed)
  }

  /// Whatever a page holds, reading it ends, and every write comes from within it.
  @Test func garbledPagesDoNoHarm() {
    var random = Random.fresh(for: "garbledPagesDoNoHarm")
    var events = Events()
    for _ in 0..<20 { events.add(Events.event("WS")) }
    let whole = events.page()
    for _ in 0..<2000 {
      var page = whole
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        page[Int.random(in: 8..<1200, using: &random)] = .random(in: 0...255, using: &random)
      }
      #expect(read(page).0.count <= 4080 / 4)
    }
  }

  // MARK: Extents

  struct Case: Sendable {
    var sector: UInt64
    var count: UInt32
    var range: Range<UInt64>?
  }

  /// 100 sectors from 1000 on are the image's from its sector 50 on.
  @Test(arguments: [
    Case(sector: 1000, count: 1, range: 50 * 512..<51 * 512),
    Case(sector: 990, count: 11, range: 50 * 512..<51 * 512),
    Case(sector: 1099, count: 200, range: 149 * 512..<150 * 512),
    Case(sector: 0, count: .max, range: 50 * 512..<150 * 512),
    Case(sector: 999, count: 1), Case(sector: 1100, count: 5), Case(sector: .max, count: .max),
  ])
  func aWriteIsFoundInTheImage(test: Case) {
    let extent = TracedExtent(
      device: 5, firstSector: 1000, sectorCount: 100, imageOffset: 50 * 512)
    let write = TracePage.Write(device: 5, sector: test.sector, sectorCount: test.count)
    #expect(extent.range(of: write) == test.range)
    #expect(extent.range(of: .init(device: 6, sector: 1000, sectorCount: 1)) == nil)
  }

  @Test func aPartOfAnExtentIsOne() {
    let disk = TracedExtent(device: 5, firstSector: 0, sectorCount: 1000, imageOffset: 0)
    let part = disk.part(from: 100, count: 200)
    #expect(
      part == [TracedExtent(device: 5, firstSector: 100, sectorCount: 200, imageOffset: 0)])
    #expect(
      part[0].part(from: 50, count: 1000) == [
        TracedExtent(device: 5, firstSector: 150, sectorCount: 150, imageOffset: 0)
      ])
    #expect(disk.part(from: 1000, count: 5) == [])
  }

  @Test func logicalVolumesAreRead() {
    #expect(
      LinearPiece.parse(["0 204800 linear 253:1 2048", "204800 8192 linear 8:3 0"]) == [
        LinearPiece(first: 0, count: 204800, device: "253:1", start: 2048),
        LinearPiece(first: 204800, count: 8192, device: "8:3", start: 0),
      ])
    for line in ["0 8 striped 2 128 8:1 0 8:2 0", "0 8 linear 8:1", "x 8 linear 8:1 0", ""] {
      #expect(LinearPiece.parse([line]) == nil)
    }
    #expect(LinearPiece.parse([]) == nil)
  }
}
