// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Storage

/// Reading back what is on the medium, and not what the page cache remembers.
@Suite(.timeLimit(.minutes(1))) struct DirectReaderTests {
  let scratch = Scratch()

  private func readPastCache(_ target: TargetImage, _ range: Range<UInt64>, misalignment: Int = 0)
    throws -> [UInt8]
  {
    let space = UnsafeMutableRawBufferPointer.allocate(
      byteCount: range.count + 4096, alignment: 4096)
    defer { space.deallocate() }
    space.initializeMemory(as: UInt8.self, repeating: 0xEE)
    let part = UnsafeMutableRawBufferPointer(
      rebasing: space[misalignment..<misalignment + range.count])
    try target.readPastCache(into: part, at: range.lowerBound)
    #expect(space[(misalignment + range.count)...].allSatisfy { $0 == 0xEE }, "nothing behind it")
    return Array(part)
  }

  /// Everything that O_DIRECT does not like.
  @Test(arguments: [0, 1, 512, 4095], [true, false])
  func rangesOfEveryKindAreRead(_ misalignment: Int, _ isDirectPossible: Bool) throws {
    let size = 1_234_567
    let faults = Faults()
    let request = TargetRequest(
      path: scratch.file("a"), suggestedName: "", sourceByteCount: UInt64(size))
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    let content = pattern(size)
    try target.write(content, at: 0)
    try target.synchronize()
    if !isDirectPossible { faults.add(.open, .fail(EINVAL)) }
    for range in [
      0..<size, 0..<4096, 1..<2, 4095..<4097, 4096..<size, 512..<600_000, size - 1..<size,
      size - 5000..<size, 1_228_800..<size, 0..<0, size..<size, 100..<1_050_000,
    ] {
      let wanted = UInt64(range.lowerBound)..<UInt64(range.upperBound)
      #expect(
        try readPastCache(target, wanted, misalignment: misalignment) == Array(content[range]))
    }
    #expect(throws: StorageError.self) {
      try readPastCache(target, UInt64(size)..<UInt64(size) + 1)
    }
    if !isDirectPossible { #expect(faults.count(.advise) > 0) }
    target.abandon()
  }

  /// The node of a partition and the node of its disk have caches of their own, so that one can
  /// tell which of both was read: what was on the medium is changed behind the partition's back.
  @Test(.needsRootAnd("addpart"), arguments: [true, false])
  func theMediumIsReadAndNotTheCache(_ isDirectPossible: Bool) throws {
    let disk = try LoopDevice(scratch, byteCount: 4 << 20)
    let partition = try disk.addPartition(1, startSector: 2048, sectorCount: 2048)
    let faults = Faults()
    let request = TargetRequest(
      path: partition, suggestedName: "", sourceByteCount: 1 << 20)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    try target.write(pattern(1 << 20), at: 0)
    try target.synchronize()
    if !isDirectPossible { faults.add(.open, .fail(EINVAL)) }
    #expect(try target.allBytes() == pattern(1 << 20))

    let behind = open(disk.path, O_RDWR | O_CLOEXEC)
    defer { close(behind) }
    let rot: [UInt8] = [0x42]
    #expect(pwrite(behind, rot, 1, (1 << 20) + 70_000) == 1 && fsync(behind) == 0)

    #expect(try target.bytes(70_000..<70_001) == [pattern(70_001)[70_000]], "the cache")
    #expect(try readPastCache(target, 70_000..<70_001) == rot, "the medium")
    var rotten = pattern(1 << 20)
    rotten[70_000] = rot[0]
    #expect(try readPastCache(target, 0..<1 << 20) == rotten)
    target.abandon()

    // And a source is opened with a fresh view, too, although the old pages are still wanted.
    let source = try SourceImage.open(
      partition, within: .anything, isForced: true, on: scratch.machine)
    #expect(try source.allBytes() == rotten)
  }
}
