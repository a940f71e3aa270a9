// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Testing

@testable import Transfer

@Suite struct ImageScanTests {
  /// Everything that a scan hands out.
  private static func scan(
    _ image: MemoryImage, threadCount: Int
  ) throws -> Result<[ImageScan.Item], StorageError> {
    try Watchdog.run("the scan") {
      let shape = ImageShape(byteCount: image.byteCount)
      let scan = ImageScan(image: image, shape: shape, threadCount: threadCount)
      defer { scan.finish() }
      var items: [ImageScan.Item] = []
      do throws(StorageError) {
        while let item = try scan.next() { items.append(item) }
      } catch {
        return .failure(error)
      }
      return .success(items)
    }
  }

  /// Content, zeros and holes that begin and end anywhere.
  private static func image(_ segmentCount: Int, using random: inout Random) -> Pages {
    var pages: [Pages.Page] = []
    while pages.count < segmentCount * 256 {
      let count = random.pick([1, 3, 100, 256, 300, 700])
      let page = random.pick([Pages.Page.hole, .hole, .zero, .content(random.next())])
      pages += Array(repeating: page, count: count)
    }
    let tail = (0..<random.pick([0, 1, 4095])).map { _ in UInt8(random.pick([0, 7])) }
    return Pages(Array(pages.prefix(segmentCount * 256 - random.below(256))), tail: tail)
  }

  @Test(arguments: [1, 2, 7, 64])
  func itemsAscendWithoutGapsAndAreRight(threadCount: Int) throws {
    var random = Random.printed()
    for _ in 0..<3 {
      let pages = Self.image(1 + random.below(12), using: &random)
      let image = MemoryImage(pages)
      let items = try Self.scan(image, threadCount: threadCount).get()
      var next = 0
      for item in items {
        switch item {
        case .zero(let segments):
          #expect(segments.lowerBound == next && !segments.isEmpty, "seed \(random.seed)")
          for segment in segments { #expect(pages.digests(of: segment).isZero) }
          next = segments.upperBound
        case .data(let segment, let digests):
          #expect(segment == next, "seed \(random.seed)")
          let expected = pages.digests(of: segment)
          #expect(digests.digest == expected.digest && digests.zeroPages == expected.zeroPages)
          #expect(!digests.isZero)
          next += 1
        }
      }
      #expect(next == pages.shape.segmentCount)
    }
  }

  @Test func holesAreNotRead() throws {
    let pages = Pages(
      (0..<20 * 256).map { page in
        switch page {
        case 1000..<1010, 3000..<3001: .content(UInt64(page))
        default: .hole
        }
      })
    let image = MemoryImage(pages)
    let items = try Self.scan(image, threadCount: 2).get()
    #expect(items.count == 5)
    let read = image.readRanges.sorted { $0.lowerBound < $1.lowerBound }
    let expected: [Range<UInt64>] = [1000 * 4096..<1010 * 4096, 3000 * 4096..<3001 * 4096]
    #expect(read == expected)
  }

  @Test func anEmptyImageHasNothing() throws {
    #expect(try Self.scan(MemoryImage(Pages([])), threadCount: 3).get().isEmpty)
  }

  @Test(arguments: [1, 2, 8])
  func anErrorComesInItsPlace(threadCount: Int) throws {
    let pages = Pages.content(20 * 256)
    let bad: Range<UInt64> = (7 << 20) + 8192..<(7 << 20) + 12_288
    let image = MemoryImage(pages, unreadable: bad)
    let shape = ImageShape(byteCount: image.byteCount)
    let scan = ImageScan(image: image, shape: shape, threadCount: threadCount)
    defer { scan.finish() }
    for segment in 0..<7 {
      guard case .data(segment, _)? = try scan.next() else {
        Issue.record("segment \(segment) is lost")
        return
      }
    }
    let error = #expect(throws: StorageError.self) { try scan.next() }
    #expect(error?.offset == bad.lowerBound && error?.operation == "read")
  }

  @Test(arguments: [1, 4])
  func anErrorOfAskingForHolesComesInItsPlace(threadCount: Int) throws {
    let pages = Pages((0..<8 * 256).map { $0 < 768 ? .hole : .content(1) })
    let image = MemoryImage(pages, unknown: 3 << 20..<4 << 20)
    let shape = ImageShape(byteCount: image.byteCount)
    let scan = ImageScan(image: image, shape: shape, threadCount: threadCount)
    defer { scan.finish() }
    guard case .zero(0..<3)? = try scan.next() else {
      Issue.record("the hole is lost")
      return
    }
    let error = #expect(throws: StorageError.self) { try scan.next() }
    #expect(error?.operation == "look for holes")
  }

  @Test(arguments: [1, 3])
  func whoeverHasHadEnoughWaitsForNobody(threadCount: Int) throws {
    // More than fits the window: the workers are waiting for the consumer.
    let image = MemoryImage(Pages((0..<200 * 256).map { $0 % 256 == 0 ? .content(1) : .hole }))
    let shape = ImageShape(byteCount: image.byteCount)
    try Watchdog.run("finishing") {
      let scan = ImageScan(image: image, shape: shape, threadCount: threadCount)
      _ = try? scan.next()
      Clock.sleep(seconds: 0.05)
      scan.finish()
    }
    // The window bounds how far they got.
    #expect(image.readRanges.count <= 64 + 1 + threadCount)
  }

  @Test func aSlowConsumerGetsEverything() throws {
    let image = MemoryImage(Pages((0..<150 * 256).map { $0 % 256 == 9 ? .content(1) : .hole }))
    let shape = ImageShape(byteCount: image.byteCount)
    let scan = ImageScan(image: image, shape: shape, threadCount: 4)
    defer { scan.finish() }
    var count = 0
    while let item = try scan.next() {
      guard case .data(count, _) = item else {
        Issue.record("item \(count) is out of order")
        return
      }
      count += 1
      if count % 50 == 0 { Clock.sleep(seconds: 0.02) }
    }
    #expect(count == 150)
  }

  @Test func theDigestOfAnImageIsThatOfItsTree() throws {
    var random = Random.printed()
    for _ in 0..<3 {
      let pages = Self.image(1 + random.below(6), using: &random)
      let counters = Counters()
      let digest = try ImageDigest.compute(
        of: MemoryImage(pages), byteCount: UInt64(pages.byteCount), threadCount: 2, end: .source,
        counters: counters)
      #expect(digest == pages.imageDigest, "seed \(random.seed)")
      #expect(counters.snapshot.scanned == UInt64(pages.byteCount))
    }
    let image = MemoryImage(Pages.content(300), unreadable: 0..<1)
    let error = #expect(throws: TransferError.self) {
      try ImageDigest.compute(
        of: image, byteCount: image.byteCount, threadCount: 2, end: .target, counters: Counters())
    }
    #expect(error?.end == .target)
  }
}
