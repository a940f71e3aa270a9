// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Storage

/// Files that exist: sizes, marks, locks, and what an interruption leaves.
@Suite(.timeLimit(.minutes(1))) struct InPlaceTests {
  let scratch = Scratch()

  private func open(
    _ size: UInt64, _ policy: SizePolicy = .resize, isForced: Bool = false, isDryRun: Bool = false,
    faults: Faults = Faults()
  ) throws -> TargetImage {
    let request = TargetRequest(
      path: scratch.file("a"), suggestedName: "", sourceByteCount: size, sizePolicy: policy,
      isForced: isForced, isDryRun: isDryRun)
    return try TargetImage.open(request, within: .anything, on: scratch.machine(faults))
  }

  private var size: Int { scratch.bytes(of: "a")?.count ?? -1 }

  @Test func growsEarlyAndShrinksLate() throws {
    scratch.write(pattern(4096), to: "a")
    let growing = try open(10_000)
    #expect(size == 4096, "opening changes nothing")
    #expect(try growing.allBytes() == pattern(4096) + [UInt8](repeating: 0, count: 5904))
    #expect(
      try growing.extents().last == Extent(range: 4096..<10_000, isHole: true))
    try growing.markUnfinished()
    #expect(size == 10_000)
    try growing.complete()
    let shrinking = try open(5000)
    try shrinking.write([1], at: 0)
    #expect(size == 10_000)
    try shrinking.complete()
    #expect(size == 5000)
  }

  @Test func aSizeAloneIsSettledToo() throws {
    scratch.write(pattern(4096), to: "a")
    try open(10_000).complete()
    #expect(size == 10_000)
    try open(100).complete()
    #expect(scratch.bytes(of: "a") == pattern(100))
    #expect(scratch.unfinishedMarks == [])
  }

  struct Sizes: Sendable {
    var policy: SizePolicy
    var source: UInt64
    var target: Int
    var agreed: UInt64?
    var final: Int?
    var note: String?
  }

  @Test(arguments: [
    Sizes(policy: .strict, source: 5, target: 5, agreed: 5, final: 5),
    Sizes(policy: .strict, source: 5, target: 6),
    Sizes(policy: .strict, source: 5, target: 4),
    Sizes(policy: .resize, source: 5, target: 4, agreed: 5, final: 5),
    Sizes(policy: .resize, source: 5, target: 6, agreed: 5, final: 5),
    Sizes(policy: .resize, source: 0, target: 6, agreed: 0, final: 0),
    Sizes(
      policy: .min, source: 5, target: 4, agreed: 4, final: 4,
      note: "only the first 4 bytes of the source's 5 bytes fit and are copied"),
    Sizes(
      policy: .min, source: 5, target: 6, agreed: 5, final: 6,
      note: "is larger than the source: its last 1 byte stay as they are"),
  ])
  func sizesFollowThePolicy(_ test: Sizes) throws {
    let path = scratch.write(pattern(test.target), to: "a")
    guard let agreed = test.agreed else {
      let error = #expect(throws: StorageError.self) { try open(test.source, test.policy) }
      #expect(error?.kind == .refused(.sizeDiffers))
      #expect(
        error?.description == "\(path): has \(test.target) bytes, the source \(test.source) bytes")
      #expect(error?.hint == "choose another --size-policy: resize or min")
      return
    }
    let target = try open(test.source, test.policy)
    #expect(target.byteCount == agreed)
    #expect(target.notes == (test.note.map { ["\(path): \($0)"] } ?? []))
    if agreed > 0 { try target.write([3], at: agreed - 1) }
    try target.complete()
    #expect(size == test.final)
  }

  @Test func isMarkedBeforeItIsChangedAndUntilItIsComplete() throws {
    scratch.write(pattern(8192), to: "a")
    let faults = Faults()
    let first = try open(8192, faults: faults)
    #expect(scratch.unfinishedMarks == [] && !first.wasUnfinished)
    try first.write([7], at: 4096)
    #expect(scratch.unfinishedMarks.count == 1)
    // Mark written and flushed, its directory flushed, and only then the image written.
    let changes = faults.log.map(\.name).filter {
      [.write, .synchronize, .close, .truncate].contains($0)
    }
    #expect(
      changes.filter { $0 != .close } == [.write, .synchronize, .synchronize, .write])
    first.abandon()
    #expect(scratch.unfinishedMarks.count == 1)

    let refused = #expect(throws: StorageError.self) { try source(isForced: false) }
    #expect(refused?.kind == .refused(.unfinished))
    #expect(
      refused?.sentence == "is unfinished: a copy onto it was begun and not completed")
    #expect(try source(isForced: true).notes.count == 1)

    let second = try open(8192)
    #expect(second.wasUnfinished)
    try second.complete()
    #expect(scratch.unfinishedMarks == [])
    #expect(try source(isForced: false).notes == [])
  }

  private func source(_ name: String = "a", isForced: Bool) throws -> SourceImage {
    try SourceImage.open(
      scratch.file(name), within: .anything, isForced: isForced, on: scratch.machine)
  }

  @Test func theMarkStaysUntilAllElseIsDone() throws {
    scratch.write(pattern(8192), to: "a")
    for call in [SystemCall.Name.synchronizeData, .truncate, .synchronize] {
      let faults = Faults()
      let target = try open(4096, faults: faults)
      try target.write([7], at: 0)
      faults.add(call, .fail(EIO))
      #expect(throws: StorageError.self) { try target.complete() }
      target.abandon()
      #expect(scratch.unfinishedMarks.count == 1)
    }
    try open(4096).complete()
    #expect(scratch.unfinishedMarks == [])
  }

  @Test func theMarkFollowsTheFileAndNotItsName() throws {
    let path = scratch.write(pattern(8192), to: "a")
    let target = try open(8192)
    try target.write([7], at: 0)
    target.abandon()
    #expect(rename(path, scratch.file("b")) == 0)
    #expect(throws: StorageError.self) { try source("b", isForced: false) }
    scratch.write(pattern(8192), to: "a")
    #expect(throws: Never.self) { try source("a", isForced: false) }
  }

  @Test(.needsLoopDevices) func theMarkFollowsTheFileBehindALoopDevice() throws {
    let device = try LoopDevice(scratch, byteCount: 8192)
    let request = TargetRequest(path: device.path, suggestedName: "", sourceByteCount: 8192)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine)
    try target.write([7], at: 0)
    target.abandon()
    let name = String(device.backing.split(separator: "/").last!)
    let error = #expect(throws: StorageError.self) { try source(name, isForced: false) }
    #expect(error?.kind == .refused(.unfinished))
    try TargetImage.open(request, within: .anything, on: scratch.machine).complete()
    #expect(throws: Never.self) { try source(name, isForced: false) }
  }

  @Test func aMarkThatCannotBeKeptIsANote() throws {
    let path = scratch.write(pattern(8192), to: "a")
    let request = TargetRequest(path: path, suggestedName: "", sourceByteCount: 8192)
    let consequence = "an interrupted copy onto it will not be noticed"
    for (directory, note) in [
      (nil, "no place for a mark: \(consequence)"),
      (
        "/proc/nowhere",
        "/proc/nowhere: cannot keep a mark: No such file or directory; \(consequence)"
      ),
      (path, "\(path): cannot keep a mark: Not a directory; \(consequence)"),
    ] {
      let machine = Machine(stateDirectory: directory)
      let target = try TargetImage.open(request, within: .anything, on: machine)
      try target.write([1], at: 0)
      #expect(target.notes == ["\(path): \(note)"])
      try target.complete()
    }
  }

  @Test func theStateDirectoryIsMade() throws {
    let path = scratch.write(pattern(8192), to: "a")
    let directory = scratch.file("some/where/blkmove")
    let request = TargetRequest(path: path, suggestedName: "", sourceByteCount: 8192)
    let target = try TargetImage.open(
      request, within: .anything, on: Machine(stateDirectory: directory))
    try target.markUnfinished()
    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
    #expect(names.count == 1 && names[0].hasPrefix("unfinished-file-"))
    #expect(try String(contentsOfFile: "\(directory)/\(names[0])", encoding: .utf8) == path + "\n")
    try target.complete()
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
  }

  @Test func aSecondRunIsRefused() throws {
    scratch.write(pattern(8192), to: "a")
    let first = try open(8192)
    let error = #expect(throws: StorageError.self) { try open(8192, isForced: true) }
    #expect(error?.kind == .refused(.locked))
    first.abandon()
    try open(8192).complete()
  }

  @Test(.enabled(if: Command.exists("flock"), "needs flock(1)"))
  func whoeverHoldsTheLockIsNamed() throws {
    let path = scratch.write(pattern(8192), to: "a")
    let holder = try Helper("flock", path, "sh", "-c", "echo ready; read line")
    let error = #expect(throws: StorageError.self) { try open(8192) }
    let sentence = try #require(error?.sentence)
    #expect(sentence.hasPrefix("is being written by flock (pid "))
    holder.stop()
  }

  /// As QEMU does: a shared lock of the open file description on some bytes.
  static let lockLikeQemu = """
    import fcntl, struct, sys
    image = open(sys.argv[1], "r+b")
    lock = struct.pack("hhqqi", fcntl.F_RDLCK, 0, 100, 2, 0)
    fcntl.fcntl(image, 37, lock)
    print("ready", flush=True)
    sys.stdin.read()
    """

  @Test(.enabled(if: Command.exists("python3"), "needs python3"))
  func anImageOfARunningMachineIsRefusedUnlessForced() throws {
    let path = scratch.write(pattern(8192), to: "a")
    let machine = try Helper("python3", "-c", Self.lockLikeQemu, path)
    let who = "is locked by python3 (pid \(machine.process))"
    let error = #expect(throws: StorageError.self) { try open(8192) }
    #expect(error?.kind == .refused(.locked))
    #expect(error?.sentence == who)
    #expect(error?.hint == "stop what uses it first, or insist with --force")
    #expect(
      try source(isForced: false).notes == ["\(path): \(who): it may change during the run"])
    #expect(
      try open(8192, isForced: true).notes == ["\(path): \(who): it may change during the run"])
    machine.stop()
    #expect(try open(8192).notes == [])
  }

  @Test(.enabled(if: Command.exists("python3"), "needs python3"))
  func anImageThatIsOpenForWritingIsRefusedUnlessForced() throws {
    let path = scratch.write(pattern(8192), to: "a")
    let script = "import sys; image = open(sys.argv[1], sys.argv[2]); print(1, flush=True); input()"
    let reader = try Helper("python3", "-c", script, path, "rb")
    #expect(try open(8192).notes == [])
    reader.stop()
    let writer = try Helper("python3", "-c", script, path, "r+b")
    let who = "is open for writing in python3 (pid \(writer.process))"
    for isDryRun in [false, true] {
      let error = #expect(throws: StorageError.self) { try open(8192, isDryRun: isDryRun) }
      #expect(error?.kind == .refused(.held))
      #expect(error?.sentence == who)
      #expect(error?.hint == "stop what uses it first, or insist with --force")
    }
    let note = "\(path): \(who): it may change during the run"
    #expect(try open(8192, isForced: true).notes == [note])
    #expect(try source(isForced: false).notes == [note])
    writer.stop()
    #expect(try open(8192).notes == [])
  }

  @Test func aDryRunChangesNothing() throws {
    for content in [pattern(4096), pattern(20_000)] {
      let path = scratch.write(content, to: "a")
      var before = stat()
      #expect(stat(path, &before) == 0)
      let target = try open(8192, isDryRun: true)
      #expect(!target.isNew && target.byteCount == 8192)
      let present = min(content.count, 8192)
      #expect(
        try target.allBytes()
          == content[..<present] + [UInt8](repeating: 0, count: 8192 - present))
      // Another run may write meanwhile.
      let other = try open(8192)
      other.abandon()
      try target.complete()
      var after = stat()
      #expect(stat(path, &after) == 0)
      #expect(before.st_mtim == after.st_mtim && before.st_size == after.st_size)
      #expect(scratch.bytes(of: "a") == content && scratch.unfinishedMarks == [])
    }
  }

  @Test func aDryRunOntoNothingMakesNothing() throws {
    let target = try open(8192, isDryRun: true)
    #expect(target.isNew && target.startsZero && !target.wasUnfinished)
    #expect(try target.allBytes().allSatisfy { $0 == 0 })
    #expect(try target.extents() == [Extent(range: 0..<8192, isHole: true)])
    try target.complete()
    #expect(!scratch.exists("a") && !scratch.exists(".a.blkmove-part"))
    // What an interrupted run left is seen, since a rerun would use it.
    scratch.write(pattern(4096), to: ".a.blkmove-part")
    let second = try open(8192, isDryRun: true)
    #expect(second.isNew && !second.startsZero && second.wasUnfinished)
    #expect(try second.bytes(0..<4096) == pattern(4096))
    second.abandon()
    #expect(scratch.bytes(of: ".a.blkmove-part") == pattern(4096))
  }

  @Test(.enabled(if: Command.exists("qemu-io"), "needs qemu-io"))
  func qemuDoesNotOpenWhatIsBeingWritten() throws {
    let path = scratch.write(pattern(8192), to: "a")
    let target = try open(8192)
    let locked = #expect(throws: Command.Failed.self) {
      try Command.run("qemu-io", "-f", "raw", "-c", "read 0 512", path)
    }
    #expect(locked?.description.contains("lock") == true)
    target.abandon()
    try Command.run("qemu-io", "-f", "raw", "-c", "read 0 512", path)
  }

  @Test func severalNamesAreANote() throws {
    let path = scratch.write(pattern(8192), to: "a")
    #expect(link(path, scratch.file("b")) == 0)
    #expect(
      try open(8192).notes == ["\(path): has 2 names, and is changed under all of them"])
  }

  @Test(.enabled(if: geteuid() != 0 || Command.exists("chattr"), "needs chattr as root"))
  func anImmutableFileSaysSo() throws {
    let path = scratch.write(pattern(8192), to: "a")
    guard geteuid() == 0, (try? Command.run("chattr", "+i", path)) != nil else { return }
    defer { _ = try? Command.run("chattr", "-i", path) }
    let error = #expect(throws: StorageError.self) { try open(8192) }
    #expect(error?.description == "\(path): open: Operation not permitted")
  }
}

private func == (one: timespec, other: timespec) -> Bool {
  one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec
}
