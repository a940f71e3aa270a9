// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Storage

/// Writes past the page cache, mixed with everything else that touches an image.
@Suite(.timeLimit(.minutes(1))) struct DirectWriterTests {
  /// What the kernel says to writes on their way.
  enum Mood: String, CaseIterable, Sendable {
    case takesAll, takesNone, isBusyNowAndThen, failsInTheEnd, writesOnlyAPart

    var faults: Faults {
      switch self {
      case .takesAll: Faults()
      case .takesNone: Faults(.setUpWrites, .fail(ENOSYS))
      case .isBusyNowAndThen: Faults(.submitWrite, .fail(EAGAIN), occurrence: 3)
      case .failsInTheEnd: Faults(.awaitWrite, .fail(EIO))
      case .writesOnlyAPart: Faults(.awaitWrite, .shorten(12288))
      }
    }
  }

  static let byteCount = (5 << 20) + 1000
  /// Every step of a test takes its bytes from another page on.
  static let noise = pattern((3 << 20) + 81 * 4096)

  @Test(arguments: Mood.allCases, [true, false])
  func contentIsThatOfTheLastChange(_ mood: Mood, isNew: Bool) throws {
    let scratch = Scratch()
    var expected = [UInt8](repeating: 0, count: Self.byteCount)
    if !isNew {
      expected = pattern(Self.byteCount)
      scratch.write(expected, to: "a")
    }
    let faults = mood.faults
    let target = try open(scratch, faults)
    var random = Random.fresh(for: "contentIsThatOfTheLastChange")
    for step in 1...80 {
      let range = Self.range(&random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0:
        try target.zero(UInt64(range.lowerBound)..<UInt64(range.upperBound))
        expected.withUnsafeMutableBytes {
          _ = memset($0.baseAddress! + range.lowerBound, 0, range.count)
        }
      case 1, 2:
        let found = try target.bytes(UInt64(range.lowerBound)..<UInt64(range.upperBound))
        #expect(Data(found) == Data(expected[range]))
      default:
        let bytes = Array(Self.noise[step * 4096..<step * 4096 + range.count])
        try target.write(bytes, at: UInt64(range.lowerBound))
        expected.withUnsafeMutableBytes {
          _ = memcpy($0.baseAddress! + range.lowerBound, bytes, range.count)
        }
      }
    }
    #expect(Data(try target.allBytes()) == Data(expected))
    try target.complete()
    #expect(scratch.bytes(of: "a").map { Data($0) } == Data(expected))
    if mood != .takesNone, Self.isSuitable(scratch) { #expect(faults.count(.awaitWrite) > 10) }
  }

  /// Mostly of whole pages, now and then not.
  private static func range(_ random: inout Random) -> Range<Int> {
    let unit = Int.random(in: 0..<5, using: &random) == 0 ? 1 : 4096
    let start = Int.random(in: 0..<byteCount / unit, using: &random) * unit
    let wanted = Int.random(in: 1...(5 << 19) / unit, using: &random) * unit
    let count = min(wanted, byteCount - start)
    return start..<start + count
  }

  @Test func whatDidNotArriveIsNeverForgotten() throws {
    let scratch = Scratch()
    let faults = Faults(
      Faults.Rule(name: .awaitWrite, verdict: .shorten(8192)),
      Faults.Rule(name: .write, verdict: .fail(ENOSPC)))
    let target = try open(scratch, faults)
    try #require(Self.isSuitable(scratch))
    try target.write(pattern(1 << 20), at: 1 << 20)
    for _ in 1...2 {
      let error = #expect(throws: StorageError.self) { try target.synchronize() }
      #expect(error?.errorNumber == ENOSPC)
      #expect(error?.offset == 1 << 20 + 8192)
    }
    faults.clear()
    #expect(throws: StorageError.self) { try target.complete() }
    #expect(!scratch.exists("a"))
  }

  @Test func anExtentIsKnownOnlyWhenTheDataIsThere() throws {
    let scratch = Scratch()
    let target = try open(scratch, Faults())
    try target.write(pattern(1 << 20), at: 2 << 20)
    #expect(try target.extents().map(\.isHole) == [true, false, true])
  }

  /// Nobody waits for what an abandoned run had on its way, but the kernel reads from its memory.
  @Test func anAbandonedImageHasWhatArrived() throws {
    let scratch = Scratch()
    do {
      let target = try open(scratch, Faults())
      for index in 0..<4 { try target.write(pattern(1 << 20), at: UInt64(index) << 20) }
      target.abandon()
    }
    let part = try #require(scratch.bytes(of: ".a.blkmove-part"))
    #expect(part.count == Self.byteCount)
    #expect(part.prefix(1 << 20) == pattern(1 << 20)[...])
  }

  private func open(_ scratch: Scratch, _ faults: Faults) throws(StorageError) -> TargetImage {
    let request = TargetRequest(
      path: scratch.file("a"), suggestedName: "", sourceByteCount: UInt64(Self.byteCount))
    return try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
  }

  /// The tests may be run where files are in memory.
  private static func isSuitable(_ scratch: Scratch) -> Bool {
    let type = try? SystemCalls.kernel.open(scratch.path, in: AT_FDCWD, flags: O_RDONLY)
      .fileSystemType
    return type == 0xEF53 || type == 0x5846_5342
  }
}

extension Descriptor {
  fileprivate var fileSystemType: UInt64? { try? calls.fileFacts(number).file_system_type }
}
