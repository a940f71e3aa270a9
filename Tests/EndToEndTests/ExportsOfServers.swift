// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Exports of NBD servers, here and at the other end: qcow2 by qemu-nbd, and nbdkit with what can
/// go wrong.
@Suite(.endsInTime) struct ExportsOfServers {
  private let scratch = Scratch()
  private static let byteCount: UInt64 = 12 << 20

  /// Data, a hole, data, and an odd place in which one byte is not zero.
  private func image(seed: UInt64 = 1) throws -> ImageFile {
    let image = try ImageFile.make(in: scratch, byteCount: Self.byteCount)
    try image.fill(0..<3 << 20, with: Pattern(seed: seed))
    try image.fill(8 << 20..<10 << 20, with: Pattern(seed: seed + 1))
    try image.write(Data([7]), at: (5 << 20) + 4095)
    return image
  }

  private func qcow2(of image: ImageFile? = nil) throws -> String {
    let path = scratch.newPath("disk.qcow2")
    if let image {
      try Command.succeed("qemu-img", "convert", "-f", "raw", "-O", "qcow2", image.path, path)
    } else {
      try Command.succeed("qemu-img", "create", "-q", "-f", "qcow2", path, "\(Self.byteCount)")
    }
    return path
  }

  private func expect(_ qcow2: String, holds image: ImageFile) throws {
    try Command.succeed(
      "qemu-img", "compare", "-U", "-f", "raw", "-F", "qcow2", image.path, qcow2)
  }

  @Test(arguments: Direction.allCases)
  func aQcow2IsCopiedFrom(direction: Direction) throws {
    let image = try image()
    let server = try NbdServer.qemu(qcow2(of: image), "--read-only", in: scratch)
    let target = ImageFile(scratch.path("copy.img"))
    let run = try Blkmove(direction).copy(server.address, target.path)
    expectDone(run)
    try expectEqual(target, image)
    #expect(target.allocatedByteCount < 6 << 20)
    #expect(run.outcome.error == "", "\(run)")
  }

  @Test(arguments: Direction.allCases)
  func aQcow2IsCopiedTo(direction: Direction) throws {
    let image = try image()
    let disk = try qcow2()
    let server = try NbdServer.qemu(disk, in: scratch)
    expectDone(try Blkmove(direction, "--verify").copy(image.path, server.address))
    try expect(disk, holds: image)
    let file = ImageFile(disk)
    #expect(try file.byteCount < 7 << 20, "holes stay holes")

    try image.fill(1 << 20..<(1 << 20) + 8192, with: Pattern(seed: 9))
    try image.write(Data(count: 1 << 20), at: 8 << 20)
    let run = try Blkmove(direction, "--json").copy(image.path, server.address)
    expectDone(run)
    #expect(try JSONLines(run.outcome.output).figure("sent_bytes") == 8192, "\(run)")
    try expect(disk, holds: image)
    expectDone(try Blkmove(direction).verify(image.path, server.address))
  }

  @Test func twoExportsAreCompared() throws {
    let image = try image()
    let source = try NbdServer.qemu(qcow2(of: image), "--read-only", in: scratch)
    let target = try NbdServer.qemu(qcow2(of: image), in: scratch)
    let equal = try Blkmove().verify(source.address, target.address)
    expectDone(equal)
    let digests = try Blkmove().run(["digest"], [image.path, source.address])
    expectDone(digests)
    let names = digests.outcome.output.split(separator: "\n").map { $0.prefix(64) }
    #expect(names.count == 2 && names[0] == names[1])

    try image.write(Data([1]), at: 4 << 20)
    expectDone(try Blkmove().copy(image.path, target.address))
    let differing = try Blkmove().verify(source.address, target.address)
    #expect(differing.status == 3, "\(differing)")
    #expect(differing.outcome.output.contains("4,194,304"), "\(differing)")
  }

  /// Zeros are never left to trim, which promises nothing.
  @Test func zerosAreWrittenAsZeros() throws {
    let image = try image()
    let disk = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 5)
    let log = scratch.path("log")
    let server = try NbdServer.kit(
      "--filter=log", "file", disk.path, "logfile=\(log)", in: scratch)
    expectDone(try Blkmove().copy(image.path, server.address))
    try expectEqual(disk, image)
    let text = try String(contentsOfFile: log, encoding: .utf8)
    #expect(text.contains("Zero "))
    #expect(text.contains("Flush "))
    #expect(!text.contains("Trim "))
    #expect(disk.allocatedByteCount < 7 << 20)
  }

  @Test(arguments: [["--filter=noextents"], ["--filter=nozero"], ["--filter=noparallel"]])
  func whatAServerLacksIsDoneWithout(filters: [String]) throws {
    let image = try image()
    let disk = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 5)
    let server = try NbdServer.kit(filters[0], "file", disk.path, in: scratch)
    expectDone(try Blkmove().copy(image.path, server.address))
    try expectEqual(disk, image)
    let copy = ImageFile(scratch.path("copy.img"))
    expectDone(try Blkmove().copy(server.address, copy.path))
    try expectEqual(copy, image)
  }

  struct Refusal: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var size = "12M"
    var words: [String] = []
    var options: [String] = []
    var status: Int32 = 6
    var mention: String
  }

  static let refusals = [
    Refusal(
      testDescription: "read-only", words: ["--filter=nofilter", "-r"],
      mention: "is served read-only"),
    Refusal(
      testDescription: "too small", size: "11M", mention: "is smaller than the source"),
    Refusal(
      testDescription: "larger, strictly", size: "13M", options: ["--size-policy=strict"],
      mention: "choose another --size-policy"),
    Refusal(
      testDescription: "atomic", options: ["--atomic"], mention: "cannot be replaced as a whole"),
    Refusal(
      testDescription: "no space", words: ["--filter=error"],
      options: ["--whole"], status: 1, mention: "no space left"),
  ]

  @Test(arguments: refusals, [Direction.local, .push])
  func itIsASentence(refusal: Refusal, direction: Direction) throws {
    let image = try image()
    let socket = scratch.newPath("nbd")
    let failing = refusal.status == 1 ? ["error-pwrite=ENOSPC", "error-pwrite-rate=100%"] : []
    let isReadOnly = refusal.words.contains("-r") ? "-r" : "--foreground"
    let server = try NbdServer.kit(
      refusal.words.first ?? "--filter=nofilter", isReadOnly, "memory", refusal.size,
      failing.first ?? "size=\(refusal.size)", failing.last ?? "allocator=sparse",
      in: scratch, at: socket)
    var mover = Blkmove(direction)
    mover.options = refusal.options
    let run = try mover.copy(image.path, server.address)
    expectComplaint(run.outcome, status: refusal.status, "target", server.address, refusal.mention)
  }

  @Test func whatIsNotThereIsASentence() throws {
    let image = try image()
    let address = "nbd+unix:///?socket=\(scratch.path("none"))"
    for (source, target, end) in [
      (image.path, address, "target"), (address, scratch.path("copy.img"), "source"),
    ] {
      let run = try Blkmove().copy(source, target)
      expectComplaint(
        run.outcome, status: 1, end, address, "connect", "No such file", "is its server running")
    }
    let usage = try Blkmove().copy("nbd+unix:///x", scratch.path("copy.img"))
    expectComplaint(usage.outcome, status: 2, "names no socket")
    #expect(!scratch.names.contains { $0.contains("copy.img") })
  }

  @Test func withoutTheLibraryItSaysWhatIsMissing() throws {
    _ = scratch.path("libraries", isDirectory: true)
    try scratch.write("", to: "libraries/libnbd.so.0")
    var mover = Blkmove()
    mover.environment["LD_LIBRARY_PATH"] = scratch.path("libraries")
    let run = try mover.copy("nbd://localhost/x", scratch.path("copy.img"))
    expectComplaint(run.outcome, status: 1, "libnbd", "apt-get install libnbd0")
    // Nobody else needs it.
    let image = try image()
    expectDone(try mover.copy(image.path, scratch.path("copy.img")))
  }

  @Test(arguments: Direction.remote)
  func aRestrictedServerWantsTheAddressToTheLetter(direction: Direction) throws {
    let image = try image()
    let disk = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 3)
    let server = try NbdServer.kit("file", disk.path, in: scratch)
    func mover(_ allowed: String) throws -> Blkmove {
      let words = [Blkmove.binary, "serve", "--restrict", scratch.path, "--restrict", allowed]
      var mover = Blkmove(direction)
      mover.shell = try SecureShell(
        forcedCommand: words.map(Blkmove.quoted).joined(separator: " "))
      return mover
    }
    let (source, target) =
      direction == .push
      ? (image.path, server.address) : (server.address, scratch.path("copy.img"))
    let refused = try mover(server.address + "&x").copy(source, target)
    expectComplaint(
      refused.outcome, status: 6, server.address, "is not among the paths")
    expectDone(try mover(server.address).copy(source, target))
    try expectEqual(
      direction == .push ? disk : ImageFile(target), direction == .push ? image : disk)
  }

  /// What has arrived is not sent again.
  @Test(arguments: [Direction.local, .push])
  func aServerThatIsKilledIsFoundOutAndTheNextRunGoesOn(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 24 << 20, seed: 4)
    let disk = try ImageFile.make(in: scratch, byteCount: 24 << 20)
    let socket = scratch.newPath("nbd")
    let slow = try NbdServer.kit(
      "--filter=rate", "file", disk.path, "rate=60M", in: scratch, at: socket)
    let (running, _) = try Blkmove(direction).start(image.path, slow.address)
    let deadline = Date() + 30
    while disk.allocatedByteCount < 8 << 20, Date() < deadline { usleep(5000) }
    slow.stop()
    let outcome = running.wait()
    expectComplaint(outcome, status: 1, "target", "the connection to its server was lost")

    let server = try NbdServer.kit("file", disk.path, in: scratch, at: socket)
    let run = try Blkmove(direction, "--json").copy(image.path, server.address)
    expectDone(run)
    #expect(try JSONLines(run.outcome.output).figure("sent_bytes") <= 17 << 20, "\(run)")
    try expectEqual(disk, image)
  }

  @Test(arguments: Direction.remote)
  func aLiveCopyGoesThroughExports(direction: Direction) throws {
    let image = try image()
    let disk = try qcow2(of: direction == .push ? nil : image)
    let server = try NbdServer.qemu(disk, in: scratch)
    let copy = ImageFile(scratch.path("copy.img"))
    let mover = Blkmove(
      .push, "--live", "rescan", "--pause-cmd", "true", "--resume-cmd", "true")
    if direction == .push {
      expectDone(try mover.copy(image.path, server.address))
      try expect(disk, holds: image)
    } else {
      expectDone(try mover.copy(server.address, copy.path))
      try expectEqual(copy, image)
    }
  }

  @Test func streamsGoThroughExports() throws {
    let image = try image()
    let disk = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 3)
    let server = try NbdServer.kit("file", disk.path, in: scratch)
    let line = """
      set -o pipefail
      '\(Blkmove.binary)' - '\(server.address)' <'\(image.path)' &&
      '\(Blkmove.binary)' '\(server.address)' - | cmp - '\(image.path)' &&
      '\(Blkmove.binary)' manifest '\(server.address)' | wc -c
      """
    let outcome = try Command("/bin/bash", "-c", line).run()
    #expect(outcome.status == 0, "\(outcome)")
    try expectEqual(disk, image)
  }
}
