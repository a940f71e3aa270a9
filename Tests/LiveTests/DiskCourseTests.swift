// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Storage
import Synchronization
import Testing
import Transfer

@testable import Live

struct DiskCourseTests {
  private static let mebibyte: UInt64 = 1 << 20

  /// Tells what it was given, one after the other.
  final class Told: DirtySource {
    let name = "a list"
    private let answers: Mutex<[Answer]>

    struct Answer: Sendable {
      var ranges: [Range<UInt64>] = []
      var loss: String?
    }

    init(_ answers: [Answer]) { self.answers = Mutex(answers) }

    func begin() throws(TransferError) {}
    func end() {}

    func take(into dirty: inout DirtySet) throws(TransferError) -> DirtyLoss? {
      let answer = answers.withLock { $0.isEmpty ? Answer() : $0.removeFirst() }
      for range in answer.ranges { dirty.insert(range) }
      return answer.loss.map { DirtyLoss($0) }
    }
  }

  private static func course(
    _ answers: [Told.Answer], late: [Range<UInt64>] = [],
    _ body: (inout DiskCourse) throws -> Void
  ) throws {
    let path = NSTemporaryDirectory() + "course-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(count: 4 << 20).write(to: URL(fileURLWithPath: path))
    let source = try ImageOpening.source(path, within: .anything, isForced: false)
    var course = DiskCourse(
      LiveDisk(
        name: "disk", image: LiveImage(source, hiding: late), suggestedName: "disk",
        target: .local(path: "/nowhere"), tracker: Told(answers), late: late))
    try body(&course)
  }

  /// A megabyte each.
  private static func segments(_ numbers: Int...) -> Told.Answer {
    Told.Answer(
      ranges: numbers.map { UInt64($0) * mebibyte..<UInt64($0 + 1) * mebibyte })
  }

  private static func segments(of dirty: DirtySet) -> [Int] {
    (0..<4).filter { !dirty[$0].isEmpty }
  }

  @Test func whatIsHotWaitsAndIsNeverForgotten() throws {
    try Self.course([
      Self.segments(0, 1), Self.segments(0, 2), Self.segments(0, 3), Self.segments(),
    ]) { course in
      _ = try course.gather()
      #expect(Self.segments(of: course.takeRound(withoutHot: true)) == [0, 1])
      _ = try course.gather()
      // Twice in a row: it is left for later.
      #expect(Self.segments(of: course.takeRound(withoutHot: true)) == [2])
      #expect(Self.segments(of: course.outstanding) == [0])
      _ = try course.gather()
      #expect(Self.segments(of: course.takeRound(withoutHot: true)) == [3])
      _ = try course.gather()
      // Not written any more, and still not sent.
      #expect(Self.segments(of: course.takeRound(withoutHot: true)) == [0])
      #expect(course.outstanding.isEmpty)
    }
  }

  /// Of an image that is read again as a whole nothing is left for later.
  @Test func whatIsAllDirtyIsNotHot() throws {
    let all = Self.segments(0, 1, 2, 3)
    try Self.course([all, all, all, all]) { course in
      for _ in 0..<4 {
        _ = try course.gather()
        #expect(Self.segments(of: course.takeRound(withoutHot: true)) == [0, 1, 2, 3])
      }
    }
  }

  @Test func theLastRoundHasEverything() throws {
    try Self.course([Self.segments(0), Self.segments(0), Self.segments(0, 1)]) { course in
      for _ in 0..<2 {
        _ = try course.gather()
        _ = course.takeRound(withoutHot: true)
      }
      _ = try course.gather()
      #expect(Self.segments(of: course.takeLastRound()) == [0, 1])
      #expect(course.outstanding.isEmpty)
    }
  }

  @Test func whoLostSomethingHasEverything() throws {
    try Self.course([Told.Answer(loss: "events were dropped")]) { course in
      let reason = try course.gather()
      #expect(reason == "events were dropped")
      #expect(Self.segments(of: course.takeRound(withoutHot: true)) == [0, 1, 2, 3])
    }
  }

  @Test func whatIsLateComesOnceAtTheEnd() throws {
    let late = Self.mebibyte..<2 * Self.mebibyte
    try Self.course([Self.segments(0), Self.segments()], late: [late]) { course in
      _ = try course.gather()
      #expect(Self.segments(of: course.takeRound(withoutHot: true)) == [0])
      #expect(course.lateByteCount == Self.mebibyte)
      #expect(Self.segments(of: course.takeLastRound()) == [1])
      #expect(course.lateByteCount == 0)
      // After a pause that was broken off it is an area like any other.
      #expect(course.takeLastRound().isEmpty)
    }
  }

  /// What was written often counts as often only as far as there is room for it.
  @Test func theSameBytesCountOnce() throws {
    var dirty = DirtySet(shape: ImageShape(byteCount: 4 * Self.mebibyte))
    for _ in 0..<100 { dirty.insert(0..<4096) }
    #expect(dirty.reportedByteCount == 409_600)
    #expect(dirty.likelyByteCount == 65536)
    #expect(dirty.readByteCount == 65536)
  }
}
