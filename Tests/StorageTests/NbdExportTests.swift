// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Storage

/// Exports of real servers.
@Suite(.timeLimit(.minutes(1))) struct NbdExportTests {
  private let scratch = Scratch()

  @Test func whatAServerSaysIsKnown() throws {
    let path = scratch.write(pattern(1 << 20), to: "a")
    let server = try NbdServer.qemu(scratch, path, "--read-only")
    let export = try NbdExport.open(server.address)
    #expect(export.byteCount == 1 << 20)
    #expect(export.isReadOnly)
    #expect(export.contexts == [NbdExtent.allocation])
    #expect(export.connectionCount == 1)

    let writable = try NbdServer.kit(scratch, "memory", "1M")
    let memory = try NbdExport.open(writable.address)
    #expect(!memory.isReadOnly && memory.isDurable && memory.canZero)
    // It says that it can have several.
    #expect(memory.connectionCount == NbdExport.Limits().connectionCount)
  }

  @Test func whatNobodyServesIsASentence() throws {
    let address = try NbdAddress(unixSocket: scratch.file("none.sock"))
    let error = #expect(throws: StorageError.self) { try NbdExport.open(address) }
    #expect(error?.description == "\(address.text): connect: No such file or directory")
    #expect(error?.hint?.contains("qemu-nbd") == true)

    let server = try NbdServer.qemu(scratch, scratch.write(pattern(512), to: "a"))
    let other = try NbdAddress(unixSocket: server.socket, exportName: "other")
    let unknown = #expect(throws: StorageError.self) { try NbdExport.open(other) }
    #expect(unknown?.description.contains("no export named 'other'") == true)
    #expect(unknown?.hint == "nbdinfo --list tells what it serves")
  }

  /// Sizes that are no multiple of anything, with the least requests that a server can insist on.
  @Test(arguments: [1, 512, 4096, 65536])
  func everyBlockIsServed(block: Int) throws {
    let size = 3 * 65536
    let path = scratch.write(pattern(size), to: "a")
    let server = try NbdServer.kit(
      scratch, "--filter=blocksize-policy", "file", path, "blocksize-minimum=\(block)",
      "blocksize-preferred=65536", "blocksize-maximum=131072", "blocksize-error-policy=error")
    let export = try NbdExport.open(server.address)
    #expect(export.block == UInt64(block))
    var expected = pattern(size)
    var random = Random.fresh(for: "NbdExportTests")
    for round in 0..<40 {
      let start = Int.random(in: 0..<size, using: &random)
      let count = Int.random(in: 0...size - start, using: &random)
      let range = UInt64(start)..<UInt64(start + count)
      switch round % 3 {
      case 0:
        let content = pattern(count, seed: UInt64(round + 2))
        try content.withUnsafeBytes { try export.write($0, at: range.lowerBound) }
        expected.replaceSubrange(start..<start + count, with: content)
      case 1:
        try export.zero(range, mayBeHole: round % 2 == 0)
        expected.replaceSubrange(start..<start + count, with: repeatElement(0, count: count))
      default:
        #expect(
          try NbdImage(export).bytes(range) == Array(expected[start..<start + count]),
          "seed \(random.seed)")
      }
    }
    try export.flush()
    #expect(scratch.bytes(of: "a") == expected, "seed \(random.seed)")
  }

  @Test func manyThreadsShareAConnection() throws {
    let size = 8 << 20
    let path = scratch.write([UInt8](repeating: 0, count: size), to: "a")
    let server = try NbdServer.kit(
      scratch, "--filter=multi-conn", "--filter=delay", "file", path, "delay-read=2ms",
      "delay-write=2ms", "multi-conn-mode=disable")
    let export = try NbdExport.open(server.address)
    #expect(export.connectionCount == 1)
    let image = NbdImage(export)
    let failures = Failures()
    DispatchQueue.concurrentPerform(iterations: 16) { number in
      do {
        for round in 0..<8 {
          let offset = UInt64(number * 8 + round) << 16
          let content = pattern(1 << 16, seed: offset + 1)
          try content.withUnsafeBytes { try export.write($0, at: offset) }
          if try image.bytes(offset..<offset + 1 << 16) != content {
            failures.add("\(offset)")
          }
        }
      } catch { failures.add("\(error)") }
    }
    #expect(failures.all == [])
  }

  @Test func anyContextCanBeAsked() throws {
    let path = scratch.file("a.qcow2")
    try Command.run("qemu-img", "create", "-q", "-f", "qcow2", path, "64M")
    try Command.run("qemu-img", "bitmap", "--add", path, "b0")
    try Command.run("qemu-io", "-c", "write -P 7 1M 192k", path)
    let server = try NbdServer.qemu(scratch, path, format: "qcow2", "--bitmap=b0")
    let context = "qemu:dirty-bitmap:b0"
    let export = try NbdExport.open(
      server.address, contexts: [context, NbdExtent.allocation, "qemu:dirty-bitmap:none"])
    #expect(export.contexts == [context, NbdExtent.allocation])
    let dirty = try export.status(of: 0..<64 << 20, in: context)
    #expect(
      dirty == [
        NbdExtent(range: 0..<1 << 20, flags: 0),
        NbdExtent(range: 1 << 20..<(1 << 20) + 192 << 10, flags: 1),
        NbdExtent(range: (1 << 20) + 192 << 10..<64 << 20, flags: 0),
      ])
    let part = try export.status(of: (1 << 20) + 5..<(1 << 20) + 10, in: context)
    #expect(part == [NbdExtent(range: (1 << 20) + 5..<(1 << 20) + 10, flags: 1)])
  }

  @Test func aBadPlaceIsNamed() throws {
    let path = scratch.write(pattern(1 << 20), to: "a")
    // Every read that touches the page at 500 KiB fails.
    let server = try NbdServer.kit(
      scratch, "sh",
      try script(
        """
        case $1 in
        get_size) echo 1048576 ;;
        pread)
          if [ $4 -lt 516096 ] && [ $(($4 + $3)) -gt 512000 ]; then
            echo 'EIO bad sector' >&2
            exit 1
          fi
          dd if='\(path)' iflag=skip_bytes,count_bytes skip=$4 count=$3 bs=1M status=none ;;
        *) exit 2 ;;
        esac
        """))
    let image = try server.image()
    let error = #expect(throws: StorageError.self) { try image.bytes(0..<1 << 20) }
    #expect(
      error?.description
        == "\(image.name): read 4 KiB at 500 KiB: Input/output error")
    #expect(try image.bytes(0..<400 << 10).count == 400 << 10)
  }

  private func script(_ text: String) throws -> String {
    let path = scratch.write(Array("#!/bin/bash\n\(text)\n".utf8), to: "plugin")
    try Command.run("chmod", "755", path)
    return path
  }

  @Test func aPortIsAsGoodAsASocket() throws {
    // Another program may take it first; then there is another one to try.
    for _ in 0..<5 {
      let port = UInt16.random(in: 20_000..<30_000)
      let server = try NbdServer.kit(port: port, "--exportname=web", "memory", "1M")
      defer { server.stop() }
      let address = try NbdAddress("nbd://127.0.0.1:\(port)/web")
      let deadline = Date() + 5
      while Date() < deadline {
        if let export = try? NbdExport.open(address) {
          #expect(export.byteCount == 1 << 20)
          #expect(try NbdImage(export).bytes(4096..<8192) == [UInt8](repeating: 0, count: 4096))
          return
        }
        usleep(10_000)
      }
    }
    Issue.record("no port")
  }

  /// A server with room for two says that more would be safe, and lets the third wait.
  @Test func aFurtherConnectionIsNoNeed() throws {
    let path = scratch.write(pattern(1 << 20), to: "a")
    let server = try NbdServer.qemu(scratch, path, "--read-only", "--shared=2")
    let start = Date()
    let export = try NbdExport.open(server.address)
    #expect(export.connectionCount == 2)
    #expect(Date().timeIntervalSince(start) < 10)
    #expect(try NbdImage(export).allBytes() == pattern(1 << 20))
  }

  @Test func aKeyOpensWhatIsEncrypted() throws {
    let keys = scratch.write(Array("alice:00112233445566778899aabbccddeeff\n".utf8), to: "keys")
    let server = try NbdServer.kit(
      scratch, "--tls=require", "--tls-psk=\(keys)", "memory", "1M")
    let place = "?socket=\(server.socket)"
    let address = try NbdAddress("nbds+unix://alice@/\(place)&tls-psk-file=\(keys)")
    #expect(try NbdExport.open(address).byteCount == 1 << 20)
    #expect(try NbdExport.open(address).connectionCount > 1)
    let others = ["nbd+unix:///\(place)", "nbds+unix://bob@/\(place)&tls-psk-file=\(keys)"]
    for other in others {
      let error = #expect(throws: StorageError.self) { try NbdExport.open(NbdAddress(other)) }
      #expect(error?.description.hasPrefix("\(other): connect: ") == true)
    }
  }

  @Test func aServerThatIsKilledIsLost() throws {
    let path = scratch.write(pattern(1 << 20), to: "a")
    let server = try NbdServer.qemu(scratch, path)
    let image = try server.image()
    #expect(try image.bytes(0..<4096) == Array(pattern(1 << 20)[..<4096]))
    server.stop()
    let error = #expect(throws: StorageError.self) { try image.bytes(0..<1 << 20) }
    #expect(error?.description.contains("the connection to its server was lost") == true)
    // And it stays lost.
    #expect(throws: StorageError.self) { try image.extent(at: 0) }
    #expect(throws: StorageError.self) { try image.bytes(0..<1) }
  }
}

/// What went wrong in threads.
final class Failures: @unchecked Sendable {
  private let lock = NSLock()
  private var texts: [String] = []

  func add(_ text: String) { lock.withLock { texts.append(text) } }
  var all: [String] { lock.withLock { texts } }
}
