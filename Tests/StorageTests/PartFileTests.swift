// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Storage

@Suite struct PartFileTests {
  let scratch = Scratch()

  private func open(_ name: String, isDryRun: Bool = false) throws -> TargetImage {
    let request = TargetRequest(
      path: scratch.file(name), suggestedName: "", sourceByteCount: 8192, isDryRun: isDryRun)
    return try TargetImage.open(request, within: .anything, on: scratch.machine)
  }

  /// Nothing that somebody planted under the name of a part file is written to.
  struct Planted: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var sentence: String
    var make: @Sendable (Scratch) -> Void
  }

  static let planted = [
    Planted(testDescription: "link to a file", sentence: "is a symbolic link") { scratch in
      #expect(symlink("victim", scratch.file(".a.blkmove-part")) == 0)
    },
    Planted(testDescription: "link to nothing", sentence: "is a symbolic link") { scratch in
      #expect(symlink("made-by-you", scratch.file(".a.blkmove-part")) == 0)
    },
    Planted(testDescription: "second name", sentence: "has a second name") { scratch in
      #expect(link(scratch.file("victim"), scratch.file(".a.blkmove-part")) == 0)
    },
    Planted(testDescription: "FIFO", sentence: "is no regular file") { scratch in
      #expect(mkfifo(scratch.file(".a.blkmove-part"), 0o666) == 0)
    },
    Planted(testDescription: "device", sentence: "is no regular file") { scratch in
      if geteuid() != 0 { return }
      #expect(mknod(scratch.file(".a.blkmove-part"), S_IFCHR | 0o666, 1 << 8 | 3) == 0)
    },
    Planted(testDescription: "somebody else's", sentence: "belongs to another user") { scratch in
      if geteuid() != 0 { return }
      scratch.write([1], to: ".a.blkmove-part")
      #expect(chown(scratch.file(".a.blkmove-part"), 12345, 12345) == 0)
    },
  ]

  @Test(arguments: planted) func somethingPlantedIsRefused(_ test: Planted) throws {
    scratch.write([9, 9, 9], to: "victim")
    test.make(scratch)
    guard scratch.exists(".a.blkmove-part") else { return }
    // A dry run cannot tell whether files of ours would have another owner here.
    for isDryRun in test.testDescription == "somebody else's" ? [false] : [false, true] {
      let error = #expect(throws: StorageError.self) { try open("a", isDryRun: isDryRun) }
      #expect(error?.kind == .refused(.partFile))
      #expect(error?.sentence == "its part file .a.blkmove-part \(test.sentence)")
      #expect(error?.hint == "look at it, and remove it if it is stale")
    }
    #expect(scratch.bytes(of: "victim") == [9, 9, 9])
    #expect(!scratch.exists("made-by-you") && !scratch.exists("a"))
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
    #expect(!names.contains { $0.contains("probe") })
  }

  /// The far end of a run that was killed just now needs a moment to notice.
  @Test(arguments: [true, false])
  func aLockThatIsGivenUpSoonIsWaitedFor(isNew: Bool) throws {
    if !isNew { scratch.write([1], to: "a") }
    let request = TargetRequest(path: scratch.file("a"), suggestedName: "", sourceByteCount: 1)
    var machine = scratch.machine
    machine.patienceMilliseconds = 10_000
    let first = try TargetImage.open(request, within: .anything, on: machine)
    DispatchQueue.global().asyncAfter(deadline: .now() + 0.2) { first.abandon() }
    let second = try TargetImage.open(request, within: .anything, on: machine)
    second.abandon()
  }

  @Test func twoRunsToOneNewFileAreRefused() throws {
    let first = try open("a")
    try first.write(pattern(10), at: 0)
    let error = #expect(throws: StorageError.self) { try open("a") }
    #expect(error?.kind == .refused(.locked))
    #expect(error?.description == "\(scratch.file("a")): is being written by another run")
    first.abandon()
    #expect(try open("a").wasUnfinished)
  }

  @Test func aRunThatFinishesInBetweenIsNotDisturbed() throws {
    let first = try open("a")
    try first.write(pattern(8192), at: 0)
    // The second run has opened the part file when the first one renames it.
    let hook = Interruption(.lock) { try? first.complete() }
    let request = TargetRequest(
      path: scratch.file("a"), suggestedName: "", sourceByteCount: 8192)
    let machine = Machine(
      calls: SystemCalls(hook: hook), stateDirectory: scratch.path + "/state")
    let second = try TargetImage.open(request, within: .anything, on: machine)
    #expect(scratch.bytes(of: "a") == pattern(8192))
    #expect(second.isNew && second.startsZero && scratch.exists(".a.blkmove-part"))
    try second.write([1], at: 0)
    // What the first run made is not replaced.
    let error = #expect(throws: StorageError.self) { try second.complete() }
    #expect(error?.errorNumber == EEXIST)
    #expect(scratch.bytes(of: "a") == pattern(8192))
  }

  @Test func anUntouchedPartFileIsNotLeftBehind() throws {
    try open("a").abandon()
    #expect(!scratch.exists(".a.blkmove-part"))
    do { _ = try open("a") }
    #expect(!scratch.exists(".a.blkmove-part"))
    scratch.write([1], to: ".a.blkmove-part")
    chmod(scratch.file(".a.blkmove-part"), 0o600)
    try open("a").abandon()
    #expect(scratch.exists(".a.blkmove-part"), "what an earlier run left is kept")
  }

  @Test func aLargerPartFileIsCut() throws {
    scratch.write(pattern(20_000), to: ".a.blkmove-part")
    let target = try open("a")
    #expect(try target.allBytes() == pattern(8192))
    try target.complete()
    #expect(scratch.bytes(of: "a") == pattern(8192))
  }

  @Test func permissionsAreThoseOfANewFileOnlyWhenItIsComplete() throws {
    func permissions(_ name: String) -> UInt32 {
      var status = stat()
      #expect(lstat(scratch.file(name), &status) == 0)
      return status.st_mode & 0o7777
    }
    let target = try open("a")
    #expect(permissions(".a.blkmove-part") == 0o600)
    try target.complete()
    #expect(permissions("a") == 0o666 & ~scratch.machine.creationMask)
  }

  @Test func longNamesAreCutSoThatTheyFit() throws {
    for count in [200, 240, 241, 242, 255] {
      let name = String(repeating: "é", count: count / 2) + (count % 2 == 0 ? "" : "x")
      let part = PartFile.name(for: name)
      #expect(part.utf8.count <= 255 && PartFile.isName(part))
      #expect((part == ".\(name).blkmove-part") == (count <= 241))
      try open(name).complete()
      #expect(scratch.bytes(of: name)?.count == 8192)
    }
    let long = String(repeating: "n", count: 254)
    #expect(PartFile.name(for: long + "1") != PartFile.name(for: long + "2"))
  }

  /// Does something once, in the middle of a call.
  private final class Interruption: SystemCallHook, @unchecked Sendable {
    // Only used from the one thread of its test.
    private var action: (() -> Void)?
    private let name: SystemCall.Name

    init(_ name: SystemCall.Name, _ action: @escaping () -> Void) {
      self.name = name
      self.action = action
    }

    func verdict(on call: SystemCall) -> SystemCallVerdict {
      if call.name == name, let action {
        self.action = nil
        action()
      }
      return .proceed
    }
  }
}
