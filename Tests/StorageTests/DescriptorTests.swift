// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Storage

@Suite struct DescriptorTests {
  let scratch = Scratch()

  @Test(arguments: [SystemCall.Name.open, .status, .read, .write, .synchronizeData, .truncate])
  func anInterruptedCallIsMadeAgain(_ call: SystemCall.Name) throws {
    let faults = Faults(
      .init(name: call, occurrence: 0, verdict: .fail(EINTR)),
      .init(name: call, occurrence: 1, verdict: .fail(EINTR)))
    let request = TargetRequest(
      path: scratch.file("a"), suggestedName: "", sourceByteCount: 9000)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    try target.write(pattern(9000), at: 0)
    #expect(try target.allBytes() == pattern(9000))
    try target.complete()
    #expect(scratch.bytes(of: "a") == pattern(9000))
  }

  @Test(arguments: [1, 7, 512, 4095])
  func shortTransfersAreGoneOnWith(_ limit: Int) throws {
    let faults = Faults(
      .init(name: .read, verdict: .shorten(limit)), .init(name: .write, verdict: .shorten(limit)))
    let request = TargetRequest(
      path: scratch.file("a"), suggestedName: "", sourceByteCount: 20_000)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    try target.write(pattern(15_000), at: 3)
    #expect(try target.bytes(3..<15_003) == pattern(15_000))
    try target.complete()
    #expect(faults.count(.write) == (15_000 + limit - 1) / limit)
  }

  @Test func aWriteThatTakesNothingIsAnError() throws {
    let faults = Faults(.write, .shorten(0))
    let request = TargetRequest(path: scratch.file("a"), suggestedName: "", sourceByteCount: 9)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    let error = #expect(throws: StorageError.self) { try target.write([1, 2, 3], at: 0) }
    #expect(error?.errorNumber == EIO)
  }

  @Test func aShortWriteBeforeAnErrorMovesTheOffset() throws {
    let faults = Faults(
      .init(name: .write, occurrence: 0, verdict: .shorten(5000)),
      .init(name: .write, occurrence: 0, verdict: .fail(ENOSPC)))
    let request = TargetRequest(
      path: scratch.file("a"), suggestedName: "", sourceByteCount: 20_000)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    let error = #expect(throws: StorageError.self) { try target.write(pattern(9000), at: 4096) }
    #expect(error?.offset == 9096 && error?.byteCount == 4000)
  }

  @Test func isClosedOnce() throws {
    let descriptor = try SystemCalls.kernel.open("/dev/null", in: AT_FDCWD, flags: O_RDONLY)
    #expect(descriptor.number >= 0)
    try descriptor.close()
    #expect(descriptor.number == -1)
    try descriptor.close()
    #expect(throws: SystemError(number: EBADF)) {
      try descriptor.calls.status(descriptor.number)
    }
  }

  @Test func isNotInheritedByOtherPrograms() throws {
    let descriptor = try SystemCalls.kernel.open("/dev/null", in: AT_FDCWD, flags: O_RDONLY)
    let output = try Command.run("sh", "-c", "test -e /proc/$$/fd/\(descriptor.number) || echo no")
    #expect(output == "no")
  }
}
