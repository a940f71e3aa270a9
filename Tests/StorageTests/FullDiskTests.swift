// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Storage

/// A file system that is really full: what is there is kept, and a rerun goes on.
@Suite(.needsRootAnd("mkfs.ext4", "mount"), .timeLimit(.minutes(1))) struct FullDiskTests {
  @Test(arguments: [true, false], [true, false])
  func aRerunGoesOnWhenThereIsSpaceAgain(_ isNew: Bool, _ keepsSparse: Bool) throws {
    let scratch = Scratch()
    let device = try LoopDevice(scratch, byteCount: 16 << 20)
    try Command.run("mkfs.ext4", "-q", "-m", "0", device.path)
    let point = scratch.file("mounted")
    try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: true)
    try Command.run("mount", device.path, point)
    defer { _ = try? Command.run("umount", point) }

    scratch.write(pattern(10 << 20, seed: 9), to: "mounted/ballast")
    let size = 8 << 20
    if !isNew { scratch.write([UInt8](repeating: 7, count: 4096), to: "mounted/a") }
    let request = TargetRequest(
      path: scratch.file("mounted/a"), suggestedName: "", sourceByteCount: UInt64(size),
      keepsSparse: keepsSparse)
    let content = pattern(size)

    let first = try TargetImage.open(request, within: .anything, on: scratch.machine)
    let error = #expect(throws: StorageError.self) {
      for start in stride(from: 0, to: size, by: 1 << 20) {
        try first.write(Array(content[start..<start + (1 << 20)]), at: UInt64(start))
        try first.synchronize()
      }
    }
    #expect(error?.errorNumber == ENOSPC)
    #expect(error?.operation == (keepsSparse ? "write" : "allocate"))
    first.abandon()
    #expect(!isNew || !scratch.exists("mounted/a"))
    // Without holes the lack was noticed before anything was changed.
    if !isNew { #expect(scratch.unfinishedMarks.count == (keepsSparse ? 1 : 0)) }
    if !isNew && !keepsSparse {
      #expect(scratch.bytes(of: "mounted/a") == [UInt8](repeating: 7, count: 4096))
    }

    #expect(unlink(scratch.file("mounted/ballast")) == 0)
    sync()
    let second = try TargetImage.open(request, within: .anything, on: scratch.machine)
    #expect(second.wasUnfinished == keepsSparse)
    if keepsSparse { #expect(try second.bytes(0..<1 << 20) == Array(content[..<(1 << 20)])) }
    try second.write(content, at: 0)
    try second.complete()
    #expect(scratch.bytes(of: "mounted/a") == content)
    #expect(scratch.unfinishedMarks == [])
  }
}
