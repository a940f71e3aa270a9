// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Testing
import Wire

@testable import Transfer

@Suite struct PageSenderTests {
  private static let image: Pages = {
    var random = Random(seed: 1)
    return .random(pageCount: 700, tail: 9, using: &random)
  }()

  /// A sender, its tasks, and who hears it.
  private struct Stage {
    let tasks = BoundedQueue<PageSender.Task>(capacity: 1000)
    let failure = Monitor<TransferError?>(nil)
    let connection: Connection
    let line = Line()
    let running: Watchdog.Running<Void>

    init(_ image: MemoryImage, compression: Compression = .none) {
      let connection = Connection(line.near)
      self.connection = connection
      let failure = failure
      let sender = PageSender(
        image: image, shape: ImageShape(byteCount: image.byteCount), tasks: tasks,
        connection: connection, pilot: Monitor(CompressionPilot(compression)),
        fail: { error in failure.update { $0 = error } })
      running = Watchdog.Running("the sender") {
        sender.run()
        connection.stop()
      }
    }
  }

  /// The pages of a batch and their bytes, as the target would see them.
  private static func pages(
    _ message: Message, _ decompressor: Decompressor
  ) throws -> [(segment: Int, pages: [Int])] {
    guard case .data(let batch) = message else { return [] }
    let content = try batch.content(shape: image.shape, using: decompressor)
    var expected: [UInt8] = []
    for entry in content.entries {
      for page in entry.pages {
        let number = entry.segment * 256 + page
        expected += number < 700 ? Pages.bytes(of: image.pages[number]) : image.tail
      }
    }
    content.withPageBytes { #expect(Array($0) == expected) }
    return content.entries.map { ($0.segment, Array($0.pages)) }
  }

  @Test(arguments: [Compression.none, .level(3), .automatic])
  func whatIsWantedIsSentInOrder(compression: Compression) throws {
    var random = Random.printed()
    let stage = Stage(MemoryImage(Self.image), compression: compression)
    var wanted: [(segment: Int, pages: [Int])] = []
    for _ in 0..<60 {
      let segment = random.below(3)
      let count = Self.image.shape.pageCount(inSegment: segment)
      let pages = (0..<count).filter { _ in random.chance(0.05) }
      if pages.isEmpty { continue }
      wanted.append((segment, pages))
      stage.tasks.put(.pages(WantedPages(segment, pages)))
    }
    stage.tasks.put(.message(.agreed))
    stage.tasks.close()
    let peer = Peer(stage.line.far)
    let decompressor = Decompressor()
    var sent: [(segment: Int, pages: [Int])] = []
    while let message = try peer.hear(), message != .agreed {
      sent += try Self.pages(message, decompressor)
    }
    #expect(sent.map(\.segment) == wanted.map(\.segment), "seed \(random.seed)")
    #expect(sent.map(\.pages) == wanted.map(\.pages))
    try stage.running.value()
    #expect(stage.failure.peek { $0 } == nil)
  }

  @Test func aBatchThatIsNotFullGoesOutSoon() throws {
    let stage = Stage(MemoryImage(Self.image))
    stage.tasks.put(.pages(WantedPages(1, [3])))
    let peer = Peer(stage.line.far)
    let sent = try Self.pages(try peer.hear(.data), Decompressor())
    #expect(sent.count == 1)
    stage.tasks.close()
    try stage.running.value()
  }

  @Test func whatCannotBeReadEndsIt() throws {
    let stage = Stage(MemoryImage(Self.image, unreadable: 0..<700 * 4096))
    stage.tasks.put(.pages(WantedPages(0, [3, 4, 9])))
    try stage.running.value()
    let error = stage.failure.peek { $0 }
    #expect(error?.end == .source && error?.status == .failed)
    #expect(!stage.tasks.put(.message(.agreed)), "nobody takes it any more")
    #expect(try Peer(stage.line.far).hear() == nil)
  }

  @Test func neighboursAreReadAtOnce() throws {
    let image = MemoryImage(Self.image)
    let stage = Stage(image)
    stage.tasks.put(.pages(WantedPages(1, [0, 1, 2, 7, 8, 255])))
    stage.tasks.close()
    try stage.running.value()
    let starts = image.readRanges.map { ($0.lowerBound / 4096 - 256, $0.count / 4096) }
    #expect(starts.map(\.0) == [0, 7, 255] && starts.map(\.1) == [3, 2, 1])
  }
}
