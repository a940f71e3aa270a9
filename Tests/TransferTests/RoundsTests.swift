// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Storage
import Testing
import Wire

@testable import Transfer

/// Rounds of a live copy: whatever is written between two of them, and told, is at the target after
/// the next; and the digests that both ends keep are those of what is there.
@Suite struct RoundsTests {
  /// Writes to the image between rounds, and tells where.
  final class Writer: RoundDirector, @unchecked Sendable {
    let path: String
    let shape: ImageShape
    let roundCount: Int
    /// Pages that are written between two rounds.
    let pageCount: Int
    var random: Random
    var results: [RoundResult] = []
    var completed: Digest?
    /// Told on top of what is written.
    var tells: (inout DirtySet) -> Void = { _ in }

    init(_ path: String, _ shape: ImageShape, roundCount: Int, pageCount: Int, seed: UInt64) {
      self.path = path
      self.shape = shape
      self.roundCount = roundCount
      self.pageCount = pageCount
      random = Random(seed: seed)
    }

    func order(after result: RoundResult) throws(TransferError) -> RoundOrder {
      results.append(result)
      if results.count > roundCount + 1 { return .finish }
      var dirty = DirtySet(shape: shape)
      for _ in 0..<pageCount {
        let page = Int.random(in: 0..<shape.pageCount - 1, using: &random)
        let isZero = Int.random(in: 0..<4, using: &random) == 0
        Pages.write(isZero ? .zero : .content(random.next() | 1), at: page, of: path)
        dirty.insert(shape.pageRange(page))
      }
      tells(&dirty)
      return .round(dirty, isLast: results.count > roundCount)
    }

    func complete(_ imageDigest: Digest) throws(TransferError) { completed = imageDigest }
  }

  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var target: Pages?
    var isWhole = false
    var roundCount = 4
    var pageCount = 40
    var strandCount = 0
    var tellsAll = false
  }

  static let image = Pages.content(9 * 256 + 7, from: 5000, tail: [4, 5, 6])
  static let other = Pages.content(9 * 256 + 7, from: 1, tail: [4, 5, 6])

  static let cases = [
    Case(testDescription: "a new target"),
    Case(testDescription: "another image", target: other),
    Case(testDescription: "the same image", target: image),
    Case(testDescription: "unasked", isWhole: true),
    Case(testDescription: "unasked over another image", target: other, isWhole: true),
    Case(testDescription: "nothing is written", target: other, pageCount: 0),
    Case(testDescription: "much is written", target: other, roundCount: 2, pageCount: 1500),
    Case(testDescription: "all is told", target: other, tellsAll: true),
    Case(testDescription: "several connections", strandCount: 2),
    Case(testDescription: "the last round alone", roundCount: 0),
  ]

  @Test(arguments: cases)
  func whatIsToldArrives(test: Case) throws {
    let scratch = Scratch()
    scratch.write(Self.image, to: "source.img")
    if let target = test.target { scratch.write(target, to: "target.img") }
    let source = try scratch.openSource("source.img")
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    let seed = UInt64.random(in: 1...UInt64.max)
    let writer = Writer(
      scratch.file("source.img"), Self.image.shape, roundCount: test.roundCount,
      pageCount: test.pageCount, seed: seed)
    if test.tellsAll { writer.tells = { $0.insertAll() } }
    let job = Job(
      operation: .copy, serverRole: .target, isWhole: test.isWhole, isLive: true)
    let ending = try Conversation(
      job: job, source: source, target: target, director: writer,
      strandCount: test.strandCount
    ).run()
    let outcome = try ending.source.get()
    _ = try ending.target.get()
    let expected = try Data(contentsOf: URL(fileURLWithPath: scratch.file("source.img")))
    let found = try Data(contentsOf: URL(fileURLWithPath: scratch.file("target.img")))
    #expect(found == expected, "seed \(seed)")
    #expect(writer.completed == outcome.imageDigest)
    #expect(writer.completed == Self.digest(of: expected))
    #expect(writer.results.count == test.roundCount + 2)
    for result in writer.results { #expect(result.imageDigest != nil, "seed \(seed)") }
    if test.pageCount == 0 { #expect(writer.results.last!.changedByteCount == 0) }
  }

  private static func digest(of data: Data) -> Digest {
    var folder = TreeFolder(shape: ImageShape(byteCount: UInt64(data.count)))
    for start in stride(from: 0, to: data.count, by: Geometry.segmentByteCount) {
      let piece = data[start..<min(start + Geometry.segmentByteCount, data.count)]
      folder.append(segment: piece.withUnsafeBytes { SegmentDigests.hashing($0).digest })
    }
    return folder.finish()
  }

  /// What changes between being named and being sent, in the first pass, is not at the target; the
  /// first round has to bring it although it may be, by then, what it was when it was named.
  @Test func whatTheFirstPassLeftOpenIsSettled() throws {
    let scratch = Scratch()
    scratch.write(Self.image, to: "source.img")
    scratch.write(Self.other, to: "target.img")
    let path = scratch.file("source.img")
    let range = Self.image.shape.pageRange(300)
    let original = Self.image.pages[300]
    let faults = Faults(on: .read, where: { $0.touches(range) }) { number in
      // The scan reads it first, the sender then, and the round last.
      if number == 1 { Pages.write(.content(77_777), at: 300, of: path) }
      if number == 2 { Pages.write(original, at: 300, of: path) }
      return .proceed
    }
    let source = try scratch.openSource("source.img", faults)
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    let writer = Writer(path, Self.image.shape, roundCount: 1, pageCount: 0, seed: 1)
    let job = Job(operation: .copy, serverRole: .target, isLive: true)
    let ending = try Conversation(
      job: job, source: source, target: target, director: writer
    ).run()
    _ = try ending.source.get()
    #expect(writer.results[0].imageDigest == nil)
    #expect(writer.results[1].imageDigest != nil)
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: scratch.file("target.img")))
        == Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// What was written and not told cannot arrive: that the test notices shows that the others do.
  @Test func whatIsNotToldDoesNotArrive() throws {
    let scratch = Scratch()
    scratch.write(Self.image, to: "source.img")
    let source = try scratch.openSource("source.img")
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    let writer = Writer(
      scratch.file("source.img"), Self.image.shape, roundCount: 1, pageCount: 5, seed: 7)
    writer.tells = { $0.removeAll() }
    let job = Job(operation: .copy, serverRole: .target, isLive: true)
    let ending = try Conversation(
      job: job, source: source, target: target, director: writer
    ).run()
    _ = try ending.source.get()
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: scratch.file("target.img")))
        != Data(contentsOf: URL(fileURLWithPath: scratch.file("source.img"))))
  }

  /// A director that gives up ends the run at both ends, and the target is left unfinished.
  @Test func whoGivesUpLeavesThePartFile() throws {
    final class Tired: RoundDirector {
      func order(after result: RoundResult) throws(TransferError) -> RoundOrder {
        throw TransferError(.source, "enough", status: .failed)
      }
      func complete(_ imageDigest: Digest) throws(TransferError) {}
    }
    let scratch = Scratch()
    scratch.write(Self.image, to: "source.img")
    let source = try scratch.openSource("source.img")
    let target = try scratch.openTarget("target.img", for: source.byteCount)
    let job = Job(operation: .copy, serverRole: .target, isLive: true)
    let ending = try Conversation(
      job: job, source: source, target: target, director: Tired()
    ).run()
    #expect(throws: TransferError.self) { try ending.source.get() }
    #expect(throws: TransferError.self) { try ending.target.get() }
    #expect(!FileManager.default.fileExists(atPath: scratch.file("target.img")))
  }
}
