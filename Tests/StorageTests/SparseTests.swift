// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Storage

/// Holes: found where they are, made where they are wanted, and filled where they are not.
@Suite(.timeLimit(.minutes(1))) struct SparseTests {
  let scratch = Scratch()

  private func allocated(_ path: String) -> Int {
    var status = stat()
    #expect(lstat(path, &status) == 0)
    return Int(status.st_blocks) * 512
  }

  private func open(
    _ name: String, _ size: UInt64, keepsSparse: Bool, faults: Faults = Faults()
  ) throws -> TargetImage {
    let request = TargetRequest(
      path: scratch.file(name), suggestedName: "", sourceByteCount: size,
      keepsSparse: keepsSparse)
    return try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
  }

  @Test func extentsFollowTheHoles() throws {
    let mebi: UInt64 = 1 << 20
    let path = scratch.write([], to: "a")
    #expect(truncate(path, off_t(8 * mebi)) == 0)
    let target = try open("a", 8 * mebi, keepsSparse: true)
    try target.write(pattern(Int(mebi)), at: 2 * mebi)
    try target.write(pattern(4096), at: 8 * mebi - 4096)
    try target.complete()
    let source = try SourceImage.open(
      path, within: .anything, isForced: false, on: scratch.machine)
    #expect(
      try source.extents() == [
        Extent(range: 0..<2 * mebi, isHole: true),
        Extent(range: 2 * mebi..<3 * mebi, isHole: false),
        Extent(range: 3 * mebi..<8 * mebi - 4096, isHole: true),
        Extent(range: 8 * mebi - 4096..<8 * mebi, isHole: false),
      ])
    #expect(
      try source.extent(at: 2 * mebi + 5)
        == Extent(range: 2 * mebi + 5..<3 * mebi, isHole: false))
    #expect(try source.extent(at: 4 * mebi).isHole)
  }

  @Test func eightTebibytesOfHolesCostNothing() throws {
    let size: UInt64 = 8 << 40
    let target = try open("big", size, keepsSparse: true)
    #expect(target.startsZero)
    #expect(try target.extents() == [Extent(range: 0..<size, isHole: true)])
    try target.write(pattern(4096), at: 5 << 40)
    try target.write(pattern(1), at: size - 1)
    try target.zero(0..<1 << 40)
    #expect(try target.bytes(5 << 40..<5 << 40 + 4096) == pattern(4096))
    try target.complete()
    let source = try SourceImage.open(
      scratch.file("big"), within: .anything, isForced: false, on: scratch.machine)
    #expect(source.byteCount == size)
    let data = try source.extents().filter { !$0.isHole }.map(\.range)
    #expect(data == [5 << 40..<5 << 40 + 4096, size - 4096..<size])
    #expect(allocated(scratch.file("big")) < 1 << 20)
  }

  @Test func zerosBecomeHoles() throws {
    scratch.write(pattern(4 << 20), to: "a")
    let target = try open("a", 4 << 20, keepsSparse: true)
    try target.zero(1 << 20..<4 << 20)
    try target.complete()
    #expect(allocated(scratch.file("a")) <= (1 << 20) + 8192)
    #expect(scratch.bytes(of: "a")! == pattern(1 << 20) + [UInt8](repeating: 0, count: 3 << 20))
  }

  @Test func diggingGivesBackTheSpaceOfZerosAndNothingElse() throws {
    let content = pattern(1 << 20) + [UInt8](repeating: 0, count: 3 << 20)
    scratch.write(content, to: "a")
    let target = try open("a", 4 << 20, keepsSparse: true)
    target.dig(1 << 20..<2 << 20)
    target.dig(3 << 20..<4 << 20)
    #expect(allocated(scratch.file("a")) == 2 << 20)
    #expect(scratch.bytes(of: "a") == content)
  }

  @Test(arguments: [EOPNOTSUPP, ENOSPC, EIO, EPERM])
  func diggingThatFailsIsNotTriedAgain(_ number: Int32) throws {
    scratch.write([UInt8](repeating: 0, count: 4 << 20), to: "a")
    let faults = Faults(.punchHole, .fail(number))
    let target = try open("a", 4 << 20, keepsSparse: true, faults: faults)
    for start in stride(from: UInt64(0), to: 4 << 20, by: 1 << 20) {
      target.dig(start..<start + 1 << 20)
    }
    #expect(faults.count(.punchHole) == 1)
    #expect(allocated(scratch.file("a")) == 4 << 20)
    try target.complete()
  }

  @Test func whereOthersMayWriteNothingIsDug() throws {
    scratch.write([UInt8](repeating: 0, count: 1 << 20), to: "a")
    let request = TargetRequest(
      path: scratch.file("a"), suggestedName: "", sourceByteCount: 1 << 20, isForced: true)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine)
    target.dig(0..<1 << 20)
    #expect(allocated(scratch.file("a")) == 1 << 20)
  }

  @Test(arguments: ["a", "b"]) func withoutSparseAllSpaceIsTaken(_ name: String) throws {
    scratch.write(pattern(1 << 20), to: "a")
    #expect(truncate(scratch.file("a"), 3 << 20) == 0)
    let target = try open(name, 4 << 20, keepsSparse: false)
    try target.write(pattern(4096), at: 3 << 20)
    try target.zero(0..<8192)
    try target.complete()
    #expect(allocated(scratch.file(name)) >= 4 << 20)
    let bytes = try #require(scratch.bytes(of: name))
    #expect(bytes.count == 4 << 20 && bytes[..<8192].allSatisfy { $0 == 0 })
  }

  @Test func anAllZeroImageTakesAllSpaceWithoutSparse() throws {
    try open("a", 1 << 20, keepsSparse: false).complete()
    #expect(allocated(scratch.file("a")) >= 1 << 20)
  }

  /// What a file system does not know, and what is done instead.
  struct Fallback: CustomTestStringConvertible, Sendable {
    var missing: [SystemCall.Name]
    var keepsSparse: Bool
    /// Calls that must be seen, and how often for two zeroed ranges.
    var expected: [SystemCall.Name: Int]
    var testDescription: String { "without \(missing), sparse: \(keepsSparse)" }
  }

  static let fallbacks = [
    Fallback(
      missing: [], keepsSparse: true, expected: [.punchHole: 2, .zeroRange: 0, .write: 0]),
    Fallback(
      missing: [.punchHole], keepsSparse: true,
      expected: [.punchHole: 1, .zeroRange: 2, .write: 0]),
    Fallback(
      missing: [.punchHole, .zeroRange], keepsSparse: true,
      expected: [.punchHole: 1, .zeroRange: 1, .write: 4]),
    Fallback(
      missing: [], keepsSparse: false, expected: [.punchHole: 0, .zeroRange: 2, .write: 0]),
    Fallback(
      missing: [.zeroRange, .allocate], keepsSparse: false,
      expected: [.punchHole: 0, .zeroRange: 1, .write: 4]),
  ]

  /// Of the file system that the tests are on; tmpfs has no ZERO_RANGE.
  static let hasZeroRange: Bool = {
    let scratch = Scratch()
    let path = scratch.write([1], to: "probe")
    guard let file = try? SystemCalls.kernel.open(path, in: AT_FDCWD, flags: O_RDWR) else {
      return false
    }
    return (try? SystemCalls.kernel.allocate(file.number, .zeroRange, 0..<1)) != nil
  }()

  @Test(
    .enabled(if: hasZeroRange, "needs a file system with FALLOC_FL_ZERO_RANGE"),
    arguments: fallbacks, [EOPNOTSUPP, ENOSYS, EINVAL])
  func whatTheFileSystemDoesNotKnowIsDoneOtherwise(_ test: Fallback, _ errorNumber: Int32) throws {
    scratch.write(pattern(8 << 20), to: "a")
    let faults = Faults()
    for name in test.missing { faults.add(name, .fail(errorNumber)) }
    let target = try open("a", 8 << 20, keepsSparse: test.keepsSparse, faults: faults)
    let earlier = faults.count(.write)
    try target.zero(1000..<1_500_000)
    try target.zero(4 << 20..<(5 << 20) + 1)
    // The mark is written too.
    let marks = 1
    for (name, count) in test.expected {
      let found = faults.count(name) - (name == .write ? earlier + marks : 0)
      #expect(found == count, "\(name)")
    }
    try target.complete()
    var expected = pattern(8 << 20)
    expected.replaceSubrange(1000..<1_500_000, with: [UInt8](repeating: 0, count: 1_499_000))
    expected.replaceSubrange(
      4 << 20...5 << 20, with: [UInt8](repeating: 0, count: (1 << 20) + 1))
    #expect(scratch.bytes(of: "a") == expected)
  }

  @Test func aFileSystemWithoutHolesHasOneExtentOfData() throws {
    scratch.write(pattern(4096), to: "a")
    let machine = scratch.machine(Faults(.seekData, .fail(EINVAL)))
    let source = try SourceImage.open(
      scratch.file("a"), within: .anything, isForced: false, on: machine)
    #expect(try source.extents() == [Extent(range: 0..<4096, isHole: false)])
  }

  @Test func aSourceThatShrinksIsNotTakenForAHole() throws {
    let path = scratch.write(pattern(1 << 20), to: "a")
    let source = try SourceImage.open(
      path, within: .anything, isForced: false, on: scratch.machine)
    #expect(truncate(path, 600_000) == 0)
    let hole = #expect(throws: StorageError.self) { try source.extent(at: 700_000) }
    #expect(hole?.kind == .shrank)
    let read = #expect(throws: StorageError.self) { try source.bytes(590_000..<700_000) }
    #expect(read?.kind == .shrank && read?.offset == 600_000)
    #expect(
      read?.description
        == "\(path): read 100000 bytes at byte 600000: "
        + "the image ends here: it became smaller during the run")
    #expect(try source.currentIdentity() != source.identity)
  }

  @Test(.needsLoopDevices, arguments: [true, false])
  func aDeviceIsZeroedByTheBlockLayer(_ keepsSparse: Bool) throws {
    let device = try LoopDevice(scratch, byteCount: 4 << 20)
    let faults = Faults()
    let request = TargetRequest(
      path: device.path, suggestedName: "", sourceByteCount: 4 << 20, keepsSparse: keepsSparse)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    try target.write(pattern(4 << 20), at: 0)
    try target.synchronize()
    #expect(allocated(device.backing) >= 4 << 20)
    try target.zero(1 << 20..<4 << 20)
    #expect(faults.count(keepsSparse ? .punchHole : .zeroOut) == 1)
    try target.complete()
    if keepsSparse { #expect(allocated(device.backing) < 2 << 20) }
    #expect(
      try SourceImage.open(
        device.path, within: .anything, isForced: false, on: scratch.machine
      ).allBytes()
        == pattern(1 << 20) + [UInt8](repeating: 0, count: 3 << 20))
  }

  @Test(
    .needsLoopDevices,
    arguments: [[SystemCall.Name.punchHole], [.punchHole, .zeroOut]])
  func aDeviceThatCannotZeroIsWritten(_ missing: [SystemCall.Name]) throws {
    let device = try LoopDevice(scratch, byteCount: 1 << 20)
    let faults = Faults()
    for name in missing { faults.add(name, .fail(EOPNOTSUPP)) }
    let request = TargetRequest(
      path: device.path, suggestedName: "", sourceByteCount: 1 << 20)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    try target.write(pattern(1 << 20), at: 0)
    try target.zero(100..<900_000)
    var expected = pattern(1 << 20)
    expected.replaceSubrange(100..<900_000, with: [UInt8](repeating: 0, count: 899_900))
    #expect(try target.allBytes() == expected)
    try target.complete()
  }

  /// A device that takes a punch and keeps its bytes.
  @Test(.needsLoopDevices) func aPunchThatLeavesBytesIsNotBelieved() throws {
    let device = try LoopDevice(scratch, byteCount: 1 << 20)
    let request = TargetRequest(
      path: device.path, suggestedName: "", sourceByteCount: 1 << 20)
    let faults = Faults(.punchHole, .pretend)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    try target.write(pattern(1 << 20), at: 0)
    try target.zero(0..<1 << 20)
    #expect(faults.count(.zeroOut) == 1)
    #expect(try target.allBytes().allSatisfy { $0 == 0 })
    try target.complete()
  }
}
