// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Storage

/// Every way in which the kernel can say no, and the sentence that comes of it.
@Suite struct ForcedErrorTests {
  /// One forced errno in one step of the making of an image of 8 MiB.
  struct Case: CustomTestStringConvertible, Sendable {
    enum Step: String, Sendable {
      case openSource, read, openTarget, write, zero, mark, synchronize, complete
    }

    var call: SystemCall.Name
    var errorNumber: Int32
    var step: Step
    var isNew = true
    var keepsSparse = true
    /// How many calls of the step are let through first.
    var skipping = 0
    /// After the name of the image.
    var sentence: String
    var hint: String?
    var isRefusal = false

    var testDescription: String {
      "\(call) fails with \(errorNumber) in \(step) of \(isNew ? "a new" : "an existing") file"
    }
  }

  static let reading: [Case] = [
    Case(
      call: .open, errorNumber: EACCES, step: .openSource,
      sentence: "open: Permission denied", hint: "check the permissions, or run it with sudo"),
    Case(
      call: .open, errorNumber: EMFILE, step: .openSource,
      sentence: "open: Too many open files", hint: "raise the limit of open files (ulimit -n)"),
    Case(
      call: .open, errorNumber: ENOMEDIUM, step: .openSource,
      sentence: "open: No medium found", hint: "the drive is empty"),
    Case(
      call: .open, errorNumber: ENXIO, step: .openSource,
      sentence: "open: No such device or address",
      hint: "the device is not there; is it attached?"),
    Case(
      call: .status, errorNumber: EIO, step: .openSource,
      sentence: "look at it: Input/output error"),
    Case(
      call: .read, errorNumber: EIO, step: .read,
      sentence: "read 512 bytes at 4 MiB: Input/output error",
      hint: "the medium cannot be read there; see the kernel's log (dmesg), "
        + "or copy it with ddrescue first"),
    Case(
      call: .read, errorNumber: ENXIO, step: .read,
      sentence: "read 1 MiB at 4 MiB: No such device or address", hint: "the device went away"),
    Case(
      call: .read, errorNumber: ESTALE, step: .read,
      sentence: "read 1 MiB at 4 MiB: Stale file handle",
      hint: "the file was replaced on its server; run it again"),
  ]

  static let opening: [Case] = [
    Case(
      call: .open, errorNumber: EACCES, step: .openTarget, isNew: false,
      sentence: "open: Permission denied", hint: "check the permissions, or run it with sudo"),
    Case(
      call: .open, errorNumber: EROFS, step: .openTarget, isNew: false,
      sentence: "open: Read-only file system", hint: "the file system is mounted read-only"),
    Case(
      call: .open, errorNumber: EBUSY, step: .openTarget, isNew: false, skipping: 2,
      sentence: "is held by the kernel or by another program",
      hint: "it may be mounted in a container, or another run may be writing it",
      isRefusal: true),
    Case(
      call: .open, errorNumber: ETXTBSY, step: .openTarget, isNew: false, skipping: 2,
      sentence: "is in use by the kernel or being executed", isRefusal: true),
    Case(
      call: .lock, errorNumber: EWOULDBLOCK, step: .openTarget, isNew: false,
      sentence: "is being written by another run", hint: "wait until that one is over",
      isRefusal: true),
    Case(
      call: .lock, errorNumber: EWOULDBLOCK, step: .openTarget,
      sentence: "is being written by another run", hint: "wait until that one is over",
      isRefusal: true),
    Case(call: .lock, errorNumber: EIO, step: .openTarget, sentence: "lock: Input/output error"),
  ]

  private static let full = "free some space and run it again: what is there already is kept"
  private static let broken =
    "the medium failed; see the kernel's log (dmesg), and do not trust what is on it"

  static let writing: [Case] = [
    Case(
      call: .write, errorNumber: ENOSPC, step: .write,
      sentence: "write 1 MiB at 4 MiB: No space left on device", hint: full),
    Case(
      call: .write, errorNumber: EDQUOT, step: .write, isNew: false,
      sentence: "write 1 MiB at 4 MiB: Disk quota exceeded",
      hint: "the quota is used up; free some space and run it again"),
    Case(
      call: .write, errorNumber: EIO, step: .write, isNew: false,
      sentence: "write 1 MiB at 4 MiB: Input/output error", hint: broken),
    Case(
      call: .write, errorNumber: EFBIG, step: .write,
      sentence: "write 1 MiB at 4 MiB: File too large",
      hint: "the file system or a limit (ulimit -f) does not allow a file of this size"),
    Case(
      call: .truncate, errorNumber: EFBIG, step: .write,
      sentence: "grow to 8 MiB: File too large",
      hint: "the file system or a limit (ulimit -f) does not allow a file of this size"),
    Case(
      call: .allocate, errorNumber: ENOSPC, step: .write, keepsSparse: false,
      sentence: "allocate 8 MiB at 0: No space left on device", hint: full),
    Case(
      call: .punchHole, errorNumber: EIO, step: .zero, isNew: false,
      sentence: "zero 1 MiB at 2 MiB: Input/output error", hint: broken),
    Case(
      call: .zeroRange, errorNumber: ENOSPC, step: .zero, isNew: false, keepsSparse: false,
      sentence: "zero 1 MiB at 2 MiB: No space left on device", hint: full),
  ]

  static let finishing: [Case] = [
    Case(
      call: .synchronizeData, errorNumber: EIO, step: .synchronize,
      sentence: "flush: Input/output error", hint: broken),
    Case(
      call: .synchronizeData, errorNumber: ENOSPC, step: .complete, isNew: false,
      sentence: "flush: No space left on device", hint: full),
    Case(
      call: .synchronize, errorNumber: EIO, step: .complete,
      sentence: "flush: Input/output error", hint: broken),
    Case(
      call: .duplicate, errorNumber: EMFILE, step: .complete,
      sentence: "flush: Too many open files"),
    Case(
      call: .rename, errorNumber: EEXIST, step: .complete,
      sentence: "rename: File exists",
      hint: "somebody made it during the run; the whole copy is in .image.blkmove-part"),
    Case(
      call: .rename, errorNumber: EROFS, step: .complete,
      sentence: "rename: Read-only file system", hint: nil),
    Case(
      call: .close, errorNumber: EIO, step: .complete, isNew: false,
      sentence: "close: Input/output error", hint: broken),
    Case(
      call: .close, errorNumber: EIO, step: .complete, sentence: "flush: Input/output error",
      hint: broken),
  ]

  @Test(arguments: reading + opening + writing + finishing)
  func aForcedErrorIsToldWithItsEvidence(_ test: Case) throws {
    let scratch = Scratch()
    let faults = Faults()
    let path = scratch.file("image")
    if !test.isNew || test.step == .openSource || test.step == .read {
      scratch.write(pattern(8 << 20), to: "image")
    }
    let error = #expect(throws: StorageError.self) {
      try run(test, path, scratch.machine(faults), faults)
    }
    let found = try #require(error)
    #expect(found.description == "\(path): \(test.sentence)")
    #expect(found.hint == test.hint)
    #expect(found.isRefusal == test.isRefusal)
    if !test.isRefusal { #expect(found.errorNumber == test.errorNumber) }
  }

  private func run(_ test: Case, _ path: String, _ machine: Machine, _ faults: Faults) throws {
    func force(_ step: Case.Step) {
      if test.step != step { return }
      faults.add(test.call, .fail(test.errorNumber), skipping: test.skipping)
    }
    if test.step == .openSource || test.step == .read {
      force(.openSource)
      let source = try SourceImage.open(path, within: .anything, isForced: false, on: machine)
      force(.read)
      _ = try source.bytes(4 << 20..<5 << 20)
      return
    }
    force(.openTarget)
    // What is written past the page cache would only fail later.
    faults.add(.setUpWrites, .fail(ENOSYS))
    let request = TargetRequest(
      path: path, suggestedName: "", sourceByteCount: 8 << 20, keepsSparse: test.keepsSparse)
    let target = try TargetImage.open(request, within: .anything, on: machine)
    force(.write)
    try target.write(pattern(1 << 20), at: 4 << 20)
    force(.zero)
    try target.zero(2 << 20..<3 << 20)
    force(.synchronize)
    try target.synchronize()
    force(.complete)
    try target.complete()
  }

  struct Spot: Sendable {
    /// What cannot be read.
    var bad: Range<UInt64>
    /// What is found.
    var offset: UInt64
    var byteCount: Int
  }

  @Test(arguments: [
    Spot(bad: 70_000..<70_001, offset: 69_632, byteCount: 512),
    Spot(bad: 0..<1, offset: 0, byteCount: 512),
    Spot(bad: 8_191..<300_000, offset: 7_680, byteCount: 512),
    Spot(bad: 1_000_000..<1_000_001, offset: 999_936, byteCount: 65),
  ])
  func aBadSpotIsFoundToTheSector(_ spot: Spot) throws {
    let scratch = Scratch()
    let path = scratch.write(pattern(1_000_001), to: "image")
    let faults = Faults(.read, .fail(EIO), touching: spot.bad)
    for isTarget in [false, true] {
      let image: any ReadableImage
      if isTarget {
        let request = TargetRequest(path: path, suggestedName: "", sourceByteCount: 1_000_001)
        image = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
      } else {
        image = try SourceImage.open(
          path, within: .anything, isForced: false, on: scratch.machine(faults))
      }
      let error = #expect(throws: StorageError.self) { _ = try image.allBytes() }
      #expect(error?.offset == spot.offset && error?.byteCount == spot.byteCount)
    }
  }

  @Test func aFailedFlushIsNeverForgotten() throws {
    let scratch = Scratch()
    let faults = Faults(.synchronizeData, .fail(EIO), occurrence: 0)
    let request = TargetRequest(
      path: scratch.file("image"), suggestedName: "", sourceByteCount: 4096)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    try target.write(pattern(4096), at: 0)
    let error = #expect(throws: StorageError.self) { try target.synchronize() }
    let first = try #require(error)
    // The kernel has forgotten it by now.
    faults.clear()
    #expect(throws: first) { try target.synchronize() }
    #expect(throws: first) { try target.complete() }
    #expect(!scratch.exists("image") && scratch.exists(".image.blkmove-part"))
  }

  @Test(arguments: [SystemCall.Name.synchronizeData, .synchronize, .rename, .duplicate])
  func nothingIsTakenForCompleteBeforeItIs(_ call: SystemCall.Name) throws {
    let scratch = Scratch()
    let faults = Faults(call, .fail(EIO))
    let request = TargetRequest(
      path: scratch.file("image"), suggestedName: "", sourceByteCount: 4096)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    try target.write(pattern(4096), at: 0)
    #expect(throws: StorageError.self) { try target.complete() }
    target.abandon()
    #expect(!scratch.exists("image"))
    let again = try TargetImage.open(request, within: .anything, on: scratch.machine)
    #expect(again.wasUnfinished)
    #expect(try again.allBytes() == pattern(4096), "what was there is kept")
    try again.complete()
    #expect(scratch.bytes(of: "image") == pattern(4096))
  }

  @Test func permissionsThatCannotBeSetAreANote() throws {
    let scratch = Scratch()
    let faults = Faults(.changeMode, .fail(EPERM))
    let path = scratch.file("image")
    let request = TargetRequest(path: path, suggestedName: "", sourceByteCount: 4096)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
    try target.complete()
    #expect(target.notes == ["\(path): its permissions cannot be set here"])
    #expect(scratch.bytes(of: "image")?.count == 4096)
  }
}
