// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Storage

/// What a key that is restricted to some paths can reach, and every way out that was thought of.
@Suite struct PathPolicyTests {
  let scratch = Scratch()

  init() throws {
    // served/        what is allowed        private/   what is not
    for name in ["served", "served/inner", "private"] {
      try FileManager.default.createDirectory(
        atPath: scratch.file(name), withIntermediateDirectories: true)
    }
    scratch.write([1], to: "served/a.img")
    scratch.write([2], to: "served/inner/b.img")
    scratch.write([3], to: "private/c.img")
    scratch.write([4], to: "single.img")
    let links = [
      ("served/inside", "a.img"),
      ("served/up-and-down", "inner/../a.img"),
      ("served/absolute-out", scratch.file("private/c.img")),
      ("served/absolute-in", scratch.file("served/a.img")),
      ("served/relative-out", "../private/c.img"),
      ("served/directory-out", "../private"),
      ("served/inner/deep-out", "../../private/c.img"),
      ("served/chain", "relative-out"),
      ("served/magic", "/proc/self/cwd"),
      ("served/root", "/"),
      ("served/loop", "loop"),
      ("served/nothing", "gone"),
    ]
    for (name, destination) in links {
      #expect(symlink(destination, scratch.file(name)) == 0)
    }
  }

  private var policy: PathPolicy {
    PathPolicy(restrictedTo: [scratch.file("served"), scratch.file("single.img")])
  }

  private func read(_ path: String, _ policy: PathPolicy) throws -> [UInt8] {
    try SourceImage.open(path, within: policy, isForced: false, on: scratch.machine).allBytes()
  }

  static let allowed: [(String, UInt8)] = [
    ("served/a.img", 1), ("served//./a.img", 1), ("served/inner/b.img", 2),
    ("served/inner/../a.img", 1), ("served/inside", 1), ("served/up-and-down", 1),
    ("single.img", 4), (".//single.img", 4),
  ]

  @Test(arguments: allowed) func whatIsInsideIsServed(_ name: String, _ content: UInt8) throws {
    #expect(try read(scratch.file(name), policy) == [content])
  }

  static let refused = [
    "private/c.img", "served/../private/c.img", "served/inner/../../private/c.img",
    "served/absolute-out", "served/absolute-in", "served/relative-out",
    "served/directory-out/c.img", "served/inner/deep-out", "served/chain", "served/magic/c.img",
    "served/root/etc/passwd", "served/loop", "served/root", "single.img/../private/c.img",
    "servedx", "single.img2", "x/../served/a.img", "",
  ]

  @Test(arguments: refused) func nothingElseIs(_ name: String) throws {
    let path = scratch.file(name)
    let error = #expect(throws: StorageError.self) { try read(path, policy) }
    #expect(error?.kind == .refused(.outsidePolicy))
    #expect(
      error?.description == "\(path): is not among the paths that this machine lets you touch")
    let request = TargetRequest(path: path, suggestedName: "x", sourceByteCount: 1)
    let written = #expect(throws: StorageError.self) {
      try TargetImage.open(request, within: policy, on: scratch.machine)
    }
    #expect(written?.isRefusal == true)
  }

  @Test(arguments: ["/etc/passwd", "etc/passwd", "/proc/self/root/etc/passwd", "/", "."])
  func norAnythingFarAway(_ path: String) throws {
    let error = #expect(throws: StorageError.self) { try read(path, policy) }
    #expect(error?.kind == .refused(.outsidePolicy))
  }

  @Test func newFilesAreMadeInside() throws {
    for (path, final) in [
      ("served/new.img", "served/new.img"), ("served", "served/given.img"),
      ("served/inner/", "served/inner/given.img"), ("served/inner/../up.img", "served/up.img"),
    ] {
      let request = TargetRequest(
        path: scratch.file(path), suggestedName: "given.img", sourceByteCount: 3)
      let target = try TargetImage.open(request, within: policy, on: scratch.machine)
      try target.write([7, 8, 9], at: 0)
      try target.complete()
      #expect(scratch.bytes(of: final) == [7, 8, 9])
    }
  }

  @Test func newFilesAreNotMadeOutside() throws {
    for path in ["served/../new.img", "served/directory-out/new.img", "served/root/tmp/new.img"] {
      let request = TargetRequest(
        path: scratch.file(path), suggestedName: "given.img", sourceByteCount: 3)
      let error = #expect(throws: StorageError.self) {
        try TargetImage.open(request, within: policy, on: scratch.machine)
      }
      #expect(error?.kind == .refused(.outsidePolicy))
    }
    #expect(!scratch.exists("new.img") && !scratch.exists("private/new.img"))
  }

  @Test(arguments: ["../x", "a/b", "..", ".", "", "a\0b", String(repeating: "n", count: 256)])
  func aPeersNameForADirectoryIsOneName(_ name: String) throws {
    let request = TargetRequest(
      path: scratch.file("served"), suggestedName: name, sourceByteCount: 3)
    let error = #expect(throws: StorageError.self) {
      try TargetImage.open(request, within: policy, on: scratch.machine)
    }
    #expect(error?.kind == .unsuitable)
    #expect(error?.hint == "name the target file")
  }

  @Test func aFileThatIsNamedMayBeMadeToo() throws {
    let path = scratch.file("private/only.img")
    let narrow = PathPolicy(restrictedTo: [path])
    let request = TargetRequest(path: path, suggestedName: "", sourceByteCount: 3)
    try TargetImage.open(request, within: narrow, on: scratch.machine).complete()
    #expect(scratch.bytes(of: "private/only.img") == [0, 0, 0])
    #expect(throws: StorageError.self) { try read(scratch.file("private/c.img"), narrow) }
  }

  @Test func readOnlyAndWriteOnlyAreWhatTheySay() throws {
    let path = scratch.file("served/a.img")
    let request = TargetRequest(path: path, suggestedName: "", sourceByteCount: 1)
    let roots = [scratch.file("served")]
    let readOnly = PathPolicy(restrictedTo: roots, mode: .readOnly)
    #expect(try read(path, readOnly) == [1])
    let written = #expect(throws: StorageError.self) {
      try TargetImage.open(request, within: readOnly, on: scratch.machine)
    }
    #expect(written?.description == "\(path): is read-only here: it may not be written")
    let writeOnly = PathPolicy(restrictedTo: roots, mode: .writeOnly)
    let target = try TargetImage.open(request, within: writeOnly, on: scratch.machine)
    #expect(target.byteCount == 1)
    let error = #expect(throws: StorageError.self) { try read(path, writeOnly) }
    #expect(error?.description == "\(path): is write-only here: it may not be read")
    #expect(error?.isRefusal == true && written?.isRefusal == true)
  }

  @Test(.needsLoopDevices) func aDeviceMustBeNamedExactly() throws {
    let device = try LoopDevice(scratch, byteCount: 4096)
    let other = try LoopDevice(scratch, byteCount: 4096)
    let named = PathPolicy(restrictedTo: [device.path])
    #expect(try read(device.path, named).count == 4096)
    #expect(try read("/dev/./\(device.name)", named).count == 4096)
    for path in [other.path, "/dev/null/../\(device.name)", "\(device.path)/x"] {
      let error = #expect(throws: StorageError.self) { try read(path, named) }
      #expect(error?.isRefusal == true, "\(path)")
    }
  }

  /// Somebody swaps a directory for a link out while paths through it are opened.
  @Test(.timeLimit(.minutes(1))) func aRaceLeadsNowhere() throws {
    let swapped = scratch.file("served/swapped")
    let aside = scratch.file("served/aside")
    let stop = DispatchSemaphore(value: 0)
    let stopped = DispatchSemaphore(value: 0)
    try FileManager.default.createDirectory(atPath: swapped, withIntermediateDirectories: false)
    scratch.write([1], to: "served/swapped/c.img")
    #expect(symlink("../private", aside) == 0)
    let (one, two, spare) = (swapped, aside, scratch.file("served/spare"))
    Thread.detachNewThread {
      while stop.wait(timeout: .now()) == .timedOut {
        for (from, to) in [(one, spare), (two, one), (spare, two)] { _ = rename(from, to) }
      }
      stopped.signal()
    }
    var served = 0
    let path = try ImagePath(scratch.file("served/swapped/c.img"))
    for _ in 0..<2000 {
      if let file = try? policy.open(path, flags: O_RDONLY, calls: .kernel) {
        var byte: UInt8 = 0
        #expect(pread(file.number, &byte, 1, 0) == 1 && byte == 1)
        served += 1
      }
    }
    stop.signal()
    stopped.wait()
    #expect(served > 0)
  }
}
