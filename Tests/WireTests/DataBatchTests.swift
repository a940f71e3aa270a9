// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@Suite struct DataBatchTests {
  /// Segment 3 has one whole page and one of 904 bytes.
  private static let shape = ImageShape(byteCount: (3 << 20) + 5000)

  private static func batch(_ bytes: [UInt8]) throws -> DataBatch {
    let frame = try #require(try MessageTests.frame(bytes))
    guard case .data(let batch) = try Message(frame, shape: shape) else {
      throw WireError(.message, "", field: "", found: "", allowed: "data")
    }
    return batch
  }

  @Test(arguments: [nil, 1, 3, 19, -5, -1000, 1000] as [Int?])
  func pagesComeBackAtEveryLevel(level: Int?) throws {
    var builder = DataBatchBuilder(shape: DataBatchTests.shape)
    var pages = PageSet(firstPages: 2)
    var expected: [UInt8] = []
    for segment in [3, 0] {
      if segment == 0 { pages[200] = true }
      #expect(builder.fitting(pages, of: segment) == pages)
      builder.append(pages, of: segment) { room in
        for index in room.indices { room[index] = UInt8(truncatingIfNeeded: index / 7) }
        expected += room
      }
      #expect(builder.pageByteCount == expected.count)
    }
    #expect(expected.count == 5000 + 3 * 4096)
    let batch = try DataBatchTests.batch(builder.finish(Compressor(), level: level))
    #expect(builder.isEmpty)
    #expect(builder.pageByteCount == 0)
    #expect(batch.packing == (level == nil ? .raw : .zstd))
    #expect(batch.pageByteCount == expected.count)
    let content = try batch.content(shape: DataBatchTests.shape, using: Decompressor())
    #expect(content.entries.map(\.segment) == [3, 0])
    #expect(content.entries[1].pages == pages)
    #expect(content.withPageBytes { Array($0) } == expected)
  }

  @Test(arguments: [nil, 1] as [Int?])
  func builderIsUsedAgainAndAgain(level: Int?) throws {
    var bits = TestSeed.bits()
    var builder = DataBatchBuilder(shape: DataBatchTests.shape)
    let compressor = Compressor()
    let decompressor = Decompressor()
    for round in 0..<12 {
      let byte = UInt8(round)
      let noise = bits.bytes(1 << 20)
      builder.append(PageSet(firstPages: 256), of: round % 3) { room in
        if round % 2 == 0 {
          _ = room.initializeMemory(as: UInt8.self, repeating: byte)
        } else {
          room.copyBytes(from: noise)
        }
      }
      #expect(builder.fitting(PageSet(firstPages: 1), of: 3).isEmpty)
      let batch = try DataBatchTests.batch(builder.finish(compressor, level: level))
      #expect(batch.packing == (level != nil && round % 2 == 0 ? .zstd : .raw))
      let content = try batch.content(shape: DataBatchTests.shape, using: decompressor)
      let expected = round % 2 == 0 ? [UInt8](repeating: byte, count: 1 << 20) : noise
      #expect(content.withPageBytes { $0.elementsEqual(expected) })
    }
  }

  @Test func aRawFrameIsNotCopied() throws {
    var builder = DataBatchBuilder(shape: DataBatchTests.shape)
    var filled: UnsafeMutableRawPointer?
    builder.append(PageSet(firstPages: 256), of: 1) { room in
      filled = room.baseAddress
      room.initializeMemory(as: UInt8.self, repeating: 1)
    }
    let frame = builder.finish(Compressor(), level: nil)
    frame.withUnsafeBytes { #expect($0.baseAddress! + 12 == UnsafeRawPointer(filled!)) }
  }

  @Test(arguments: [nil, 1] as [Int?], [1, 20, 100, 127, 128, 200, 256])
  func framesHoldLittleMoreThanTheyShow(level: Int?, pageCount: Int) throws {
    var builder = DataBatchBuilder(shape: DataBatchTests.shape)
    for round in 1...3 as ClosedRange<UInt8> {
      builder.append(PageSet(firstPages: pageCount), of: 1) { room in
        _ = room.initializeMemory(as: UInt8.self, repeating: round)
      }
      let frame = builder.finish(Compressor(), level: level)
      #expect(frame.capacity <= 2 * frame.count + 64)
      let batch = try DataBatchTests.batch(frame)
      let content = try batch.content(shape: DataBatchTests.shape, using: Decompressor())
      #expect(content.withPageBytes { $0.elementsEqual(repeatElement(round, count: $0.count)) })
    }
  }

  @Test func rawContentSharesTheMemoryOfItsFrame() throws {
    var builder = DataBatchBuilder(shape: DataBatchTests.shape)
    builder.append(PageSet(firstPages: 3), of: 1) { room in
      _ = room.initializeMemory(as: UInt8.self, repeating: 1)
    }
    let frame = try #require(
      try MessageTests.frame(builder.finish(Compressor(), level: nil)))
    guard case .data(let batch) = try Message(frame) else { return }
    let content = try batch.content(shape: DataBatchTests.shape, using: Decompressor())
    let payload = frame.payload.withUnsafeBytes { $0.baseAddress! }
    content.withPageBytes { #expect($0.baseAddress! == payload + 7) }
  }

  @Test func whatDoesNotFitWaits() {
    var builder = DataBatchBuilder(shape: DataBatchTests.shape)
    builder.append(PageSet(firstPages: 255), of: 0) { _ in }
    #expect(builder.fitting(PageSet(firstPages: 3), of: 1) == PageSet(firstPages: 1))
    // The short page alone is short; after a whole one it does not fit.
    #expect(builder.fitting(PageSet(firstPages: 2), of: 3) == PageSet(firstPages: 1))
    var short = PageSet()
    short[1] = true
    builder.append(short, of: 3) { #expect($0.count == 904) }
    #expect(builder.fitting(PageSet(firstPages: 1), of: 1).isEmpty)
    #expect(builder.pageByteCount == 255 * 4096 + 904)
  }

  @Test func whatCannotFitIsOurMistake() async {
    await #expect(processExitsWith: .failure) {
      var builder = DataBatchBuilder(shape: ImageShape(byteCount: 4 << 20))
      builder.append(PageSet(firstPages: 255), of: 0) { _ in }
      builder.append(PageSet(firstPages: 2), of: 1) { _ in }
    }
    await #expect(processExitsWith: .failure) {
      var builder = DataBatchBuilder(shape: ImageShape(byteCount: 4 << 20))
      _ = builder.finish(Compressor(), level: nil)
    }
  }

  @Test func entriesAreLimitedToo() throws {
    var builder = DataBatchBuilder(shape: ImageShape(byteCount: 300 << 20))
    let one = PageSet(firstPages: 1)
    var segment = 0
    while !builder.fitting(one, of: segment).isEmpty {
      builder.append(one, of: segment) { room in
        _ = room.initializeMemory(as: UInt8.self, repeating: 1)
      }
      segment += 1
    }
    #expect(segment == WireLimits.entriesPerBatch)
    let frame = try #require(try MessageTests.frame(builder.finish(Compressor(), level: nil)))
    #expect(frame.payload.count == MessageType.data.payloadByteCountLimit)
    _ = try Message(frame)
  }

  @Test func aFailedReadAddsNothing() throws {
    struct BadSector: Error {}
    var builder = DataBatchBuilder(shape: DataBatchTests.shape)
    #expect(throws: BadSector.self) {
      try builder.append(PageSet(firstPages: 4), of: 0) { _ throws(BadSector) in
        throw BadSector()
      }
    }
    #expect(builder.isEmpty)
    builder.append(PageSet(firstPages: 1), of: 1) { room in
      _ = room.initializeMemory(as: UInt8.self, repeating: 5)
    }
    #expect(throws: BadSector.self) {
      try builder.append(PageSet(firstPages: 4), of: 0) { _ throws(BadSector) in
        throw BadSector()
      }
    }
    #expect(builder.pageByteCount == 4096)
    let batch = try DataBatchTests.batch(builder.finish(Compressor(), level: nil))
    let content = try batch.content(shape: DataBatchTests.shape, using: Decompressor())
    #expect(content.entries == [DataBatch.Entry(segment: 1, pages: PageSet(firstPages: 1))])
    #expect(content.withPageBytes { $0.elementsEqual(repeatElement(5, count: 4096)) })
  }

  struct Table: Sendable {
    let name: String
    let segment: UInt64
    /// The first 64 pages.
    let pages: UInt64
    let pageByteCount: Int
    let field: String?
  }

  @Test(arguments: [
    Table(name: "sound", segment: 0, pages: 0b101, pageByteCount: 8192, field: nil),
    Table(name: "short page", segment: 3, pages: 0b10, pageByteCount: 904, field: nil),
    Table(name: "both", segment: 3, pages: 0b11, pageByteCount: 5000, field: nil),
    Table(name: "no pages", segment: 0, pages: 0, pageByteCount: 4096, field: "pages"),
    Table(name: "one byte short", segment: 0, pages: 1, pageByteCount: 4095, field: "page bytes"),
    Table(name: "one byte more", segment: 0, pages: 1, pageByteCount: 4097, field: "page bytes"),
    Table(name: "whole", segment: 3, pages: 0b10, pageByteCount: 4096, field: "page bytes"),
    Table(name: "past the end", segment: 3, pages: 0b100, pageByteCount: 4096, field: "pages"),
    Table(name: "no segment", segment: 4, pages: 1, pageByteCount: 4096, field: "segment"),
    Table(name: "far", segment: .max, pages: 1, pageByteCount: 4096, field: "segment"),
    Table(name: "sign", segment: 1 << 63, pages: 1, pageByteCount: 4096, field: "segment"),
  ])
  func tableAndBytesMustAgree(_ table: Table) throws {
    let payload = PayloadBytes().u8(0).u16(1).u32(table.pageByteCount + 40)
      .zeros(table.pageByteCount).u64(table.segment).u64(table.pages).zeros(24)
    let message = try Message(Frame(type: .data, payload: payload.bytes))
    guard case .data(let batch) = message else { return }
    do {
      let content = try batch.content(shape: DataBatchTests.shape, using: Decompressor())
      #expect(table.field == nil)
      #expect(content.pageByteCount == table.pageByteCount)
    } catch {
      #expect(table.field == error.field)
    }
  }

  @Test func manyEntriesOfWholeSegmentsAreRefused() throws {
    // 256 entries of 256 pages each: 256 MiB by the table, 1 MiB by the count.
    var payload = PayloadBytes().u8(0).u16(256).u32((1 << 20) + 256 * 40).zeros(1 << 20).bytes
    for _ in 0..<256 {
      payload += [UInt8](repeating: 0, count: 8) + [UInt8](repeating: 255, count: 32)
    }
    guard case .data(let batch) = try Message(Frame(type: .data, payload: payload)) else { return }
    let error = #expect(throws: WireError.self) {
      try batch.content(shape: DataBatchTests.shape, using: Decompressor())
    }
    #expect(error?.field == "page bytes")
  }
}
