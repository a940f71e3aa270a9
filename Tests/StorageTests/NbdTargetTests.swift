// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Storage

/// Exports of real servers as targets: what `ConformanceTests` asks of files and devices, and what
/// only servers do.
@Suite(.timeLimit(.minutes(1))) struct NbdTargetTests {
  private let scratch = Scratch()

  /// One kind of server over an image of its own.
  struct Endpoint: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var keepsSparse = true
    /// Gives the server, and reads what its image holds.
    let make: @Sendable (Scratch, Int) throws -> (NbdServer, () throws -> [UInt8])
  }

  private static func file(_ scratch: Scratch, _ size: Int) -> String {
    scratch.write(pattern(size, seed: 3), to: "a")
  }

  private static func kit(_ scratch: Scratch, _ size: Int, _ words: [String] = []) throws
    -> (NbdServer, () throws -> [UInt8])
  {
    let path = file(scratch, size)
    let filters = words.filter { $0.hasPrefix("--") }
    let server = try NbdServer.kit(
      scratch, filters + ["file", path] + words.filter { !$0.hasPrefix("--") })
    return (server, { scratch.bytes(of: "a")! })
  }

  static let endpoints = [
    Endpoint(testDescription: "qemu-nbd, raw") { scratch, size in
      let server = try NbdServer.qemu(scratch, file(scratch, size))
      return (server, { scratch.bytes(of: "a")! })
    },
    Endpoint(testDescription: "qemu-nbd, qcow2", keepsSparse: false) { scratch, size in
      let path = scratch.file("a.qcow2")
      try Command.run(
        "qemu-img", "convert", "-f", "raw", "-O", "qcow2", file(scratch, size), path)
      let server = try NbdServer.qemu(scratch, path, format: "qcow2")
      return (
        server,
        {
          try Command.run(
            "qemu-img", "convert", "-U", "-f", "qcow2", "-O", "raw", path, scratch.file("b"))
          return scratch.bytes(of: "b")!
        }
      )
    },
    Endpoint(testDescription: "nbdkit") { try kit($0, $1) },
    Endpoint(testDescription: "nbdkit without holes", keepsSparse: false) { try kit($0, $1) },
    Endpoint(testDescription: "a server that cannot zero") {
      try kit($0, $1, ["--filter=nozero"])
    },
    Endpoint(testDescription: "a server that tells nothing of holes") {
      try kit($0, $1, ["--filter=noextents"])
    },
    Endpoint(testDescription: "a server that does one thing at a time") {
      try kit($0, $1, ["--filter=noparallel"])
    },
  ]

  @Test(arguments: endpoints, [512, 4096, 1 << 20, 1_500_160])
  func keepsWhatIsWritten(_ endpoint: Endpoint, _ size: Int) throws {
    let (server, content) = try endpoint.make(scratch, size)
    let target = try server.target(of: UInt64(size), keepsSparse: endpoint.keepsSparse)
    #expect(target.byteCount == UInt64(size))
    var expected = try target.allBytes()
    #expect(expected == pattern(size, seed: 3))
    var random = Random.fresh(for: "NbdTargetTests")
    for round in 0..<12 {
      let start = Int.random(in: 0..<size, using: &random)
      let count = min(Int.random(in: 1...200_000, using: &random), size - start)
      let range = UInt64(start)..<UInt64(start + count)
      if round % 2 == 0 {
        let content = pattern(count, seed: UInt64(round + 7))
        try target.write(content, at: UInt64(start))
        expected.replaceSubrange(start..<start + count, with: content)
      } else {
        try target.zero(range)
        expected.replaceSubrange(start..<start + count, with: repeatElement(0, count: count))
      }
      #expect(
        try target.bytes(range) == Array(expected[start..<start + count]),
        "seed \(random.seed), round \(round)")
      // What was said of holes before is not said any more.
      for extent in try target.extents() where extent.isHole {
        let part = expected[Int(extent.range.lowerBound)..<Int(extent.range.upperBound)]
        #expect(part.allSatisfy { $0 == 0 }, "seed \(random.seed), round \(round)")
      }
    }
    try target.synchronize()
    #expect(try target.allBytes() == expected)
    try target.complete()
    #expect(try content() == expected, "seed \(random.seed)")
  }

  @Test func aNewDiskIsKnownToBeEmpty() throws {
    let path = scratch.file("a.qcow2")
    try Command.run("qemu-img", "create", "-q", "-f", "qcow2", path, "8G")
    let server = try NbdServer.qemu(scratch, path, format: "qcow2")
    let target = try server.target(of: 8 << 30)
    #expect(target.startsZero)
    try target.write(pattern(4096), at: 7 << 30)
    try target.complete()
    #expect(try !server.target(of: 8 << 30).startsZero)
  }

  @Test func zerosBecomeHoles() throws {
    let path = scratch.write(pattern(4 << 20), to: "a")
    let server = try NbdServer.kit(scratch, "file", path)
    let target = try server.target(of: 4 << 20)
    try target.zero(1 << 20..<3 << 20)
    try target.complete()
    var status = stat()
    stat(path, &status)
    #expect(status.st_blocks * 512 <= 2 << 20 + 65536)
    let full = try server.target(of: 4 << 20, keepsSparse: false)
    try full.zero(0..<4 << 20)
    try full.complete()
    stat(path, &status)
    #expect(status.st_blocks * 512 >= 4 << 20)
  }

  @Test func readOnlyIsRefused() throws {
    let server = try NbdServer.kit(scratch, "-r", "memory", "1M")
    let error = #expect(throws: StorageError.self) { try server.target(of: 1 << 20) }
    #expect(error?.isRefusal == true)
    #expect(error?.description.hasSuffix(": is served read-only") == true)
    // To see what would be done nothing need be written.
    _ = try server.target(of: 1 << 20, isDryRun: true)
  }

  struct Sizes: Sendable {
    var source: UInt64
    var policy: SizePolicy
    var agreed: UInt64?
  }

  @Test(arguments: [
    Sizes(source: 1 << 20, policy: .resize, agreed: 1 << 20),
    Sizes(source: 1_000_001, policy: .resize, agreed: 1_000_001),
    Sizes(source: (1 << 20) + 1, policy: .resize, agreed: nil),
    Sizes(source: (1 << 20) + 1, policy: .min, agreed: 1 << 20),
    Sizes(source: 1 << 19, policy: .strict, agreed: nil),
    Sizes(source: 1 << 20, policy: .strict, agreed: 1 << 20),
  ])
  func sizesAreAgreedOn(sizes: Sizes) throws {
    let path = scratch.write(pattern(1 << 20), to: "a")
    let server = try NbdServer.qemu(scratch, path)
    guard let agreed = sizes.agreed else {
      let error = #expect(throws: StorageError.self) {
        try server.target(of: sizes.source, sizePolicy: sizes.policy)
      }
      #expect(error?.isRefusal == true)
      return
    }
    let target = try server.target(of: sizes.source, sizePolicy: sizes.policy)
    #expect(target.byteCount == agreed)
    // The last page may be short, and what is behind it stays.
    let content = pattern(Int(agreed), seed: 9)
    try target.write(content, at: 0)
    #expect(throws: StorageError.self) { try target.write([1], at: agreed) }
    try target.complete()
    #expect(scratch.bytes(of: "a") == content + pattern(1 << 20)[Int(agreed)...])
  }

  @Test func itIsNotItsOwnSource() throws {
    let server = try NbdServer.kit(scratch, "memory", "1M")
    let source = try server.image()
    let error = #expect(throws: StorageError.self) {
      try NbdTarget.open(
        TargetRequest(
          path: source.name, suggestedName: "", sourceByteCount: 1 << 20,
          sourceIdentity: source.identity), at: server.address)
    }
    #expect(error?.kind == .refused(.sameImage))
  }

  @Test func aFullDiskIsASentence() throws {
    let path = scratch.write(pattern(1 << 20), to: "a")
    let server = try NbdServer.kit(
      scratch, "--filter=error", "file", path, "error-pwrite=ENOSPC", "error-pwrite-rate=100%")
    let target = try server.target(of: 1 << 20)
    let error = #expect(throws: StorageError.self) { try target.write(pattern(4096), at: 4096) }
    #expect(
      error?.description == "\(target.name): write 4 KiB at 4 KiB: No space left on device")
    #expect(error?.hint == "the disk of its server is full")
  }

  @Test func aFlushThatFailedIsNotForgotten() throws {
    let server = try FakeNbdServer(scratch) { $0.type == FakeNbdServer.flush ? .error(5) : .zeros }
    defer { server.stop() }
    let target = try NbdTarget.open(
      TargetRequest(path: server.address.text, suggestedName: "", sourceByteCount: 1 << 20),
      at: server.address)
    for _ in 0..<2 {
      let error = #expect(throws: StorageError.self) { try target.synchronize() }
      #expect(error?.description == "\(target.name): flush: Input/output error")
    }
    #expect(throws: StorageError.self) { try target.complete() }
  }

  @Test func aServerThatCannotFlushIsANote() throws {
    // It has flags, and is writable; nothing else.
    let server = try FakeNbdServer(scratch, flags: 1)
    defer { server.stop() }
    let target = try NbdTarget.open(
      TargetRequest(path: server.address.text, suggestedName: "", sourceByteCount: 1 << 20),
      at: server.address)
    #expect(target.notes.contains { $0.contains("cannot flush") })
    try target.synchronize()
  }

  @Test func withoutFlushesEachWriteIsForced() throws {
    let forced = Failures()
    // It has flags, can force a write (8), and zero (64).
    let server = try FakeNbdServer(scratch, flags: 0x49) { request in
      if request.flags & 1 != 0 { forced.add("\(request.type)") }
      return .zeros
    }
    defer { server.stop() }
    let target = try NbdTarget.open(
      TargetRequest(path: server.address.text, suggestedName: "", sourceByteCount: 1 << 20),
      at: server.address)
    #expect(target.notes == [])
    try target.write(pattern(4096), at: 0)
    try target.zero(4096..<8192)
    try target.complete()
    #expect(forced.all == ["\(FakeNbdServer.write)", "\(FakeNbdServer.zero)"])
  }

  @Test func nothingIsRemembered() throws {
    let server = try NbdServer.kit(scratch, "memory", "1M")
    let image = try server.image()
    #expect(image.findManifest(.byKey).manifest == nil)
    #expect(image.findManifest(.byKey).note == nil)
    #expect(image.findManifest(.path(scratch.file("m"))).note?.contains("no manifest") == true)
    #expect(!scratch.exists("m"))
    let error = #expect(throws: StorageError.self) { try ImageStatus.look(at: image.name) }
    #expect(error?.description == "\(image.name): is an export: nothing is remembered of it")
  }
}
