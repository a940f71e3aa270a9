// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// `blkmove SOURCE -`: an image as a stream of its bytes.
@Suite(.endsInTime) struct StreamAsTarget {
  private let scratch = Scratch()
  private var streams: Streams { Streams(scratch: scratch) }

  /// The words before the operands, and the source as it is written.
  private func words(_ direction: Direction, _ path: String) throws -> String {
    if direction == .local { return "$blkmove \(path)" }
    let client = try SecureShell.shared.get().client.map(Blkmove.quoted).joined(separator: " ")
    return "$blkmove -e \(Blkmove.quoted(client)) --remote-path $blkmove backup:\(path)"
  }

  @Test(arguments: [Direction.pull, .local], [0, 1, 4096, 1 << 20, (5 << 20) + 4097] as [UInt64])
  func itsBytesInTheirOrder(direction: Direction, byteCount: UInt64) throws {
    let image = try ImageFile.make(in: scratch, named: "image", byteCount: byteCount)
    if byteCount > 2 << 20 {
      try image.fill(4096..<1 << 20, with: Pattern(seed: 1))
      try image.write(Data(count: 1 << 20), at: 1 << 20)
      try image.fill(4 << 20..<byteCount, with: Pattern(seed: 2))
    } else if byteCount > 0 {
      try image.write(Data([1]), at: byteCount - 1)
    }
    let run = try streams.shell("\(words(direction, image.path)) - | cat >copy")
    #expect(run.status == 0, "\(run)")
    try expectEqual(ImageFile(scratch.path("copy")), image)
    #expect(run.error.contains("total size is"), "\(run)")
    let quiet = try streams.shell("\(words(direction, image.path)) -q - >copy")
    #expect(quiet.status == 0 && quiet.error.isEmpty, "\(quiet)")
    try expectEqual(ImageFile(scratch.path("copy")), image)
  }

  @Test(.needs(.loopDevices))
  func aDeviceIsASource() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 3 << 20, seed: 3)
    let device = try LoopDevice(over: image.path)
    try streams.succeed("$blkmove \(device.path) - >copy")
    try expectEqual(ImageFile(scratch.path("copy")), image)
  }

  @Test(arguments: [Direction.pull, .local])
  func whatIsCutIsSaid(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 8 << 20, seed: 4)
    let run = try streams.shell("\(words(direction, image.path)) - | head -c 3000000 >copy")
    expectComplaint(run, status: 1, "standard output", "Broken pipe", "they are no image")
    let full = try streams.shell("\(words(direction, image.path)) - >/dev/full")
    expectComplaint(full, status: 1, "No space left")
  }

  @Test func aFarEndThatDiesIsSaid() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 8 << 20, seed: 5)
    let farEnd = try FarEnd(in: scratch)
    let client = try SecureShell.shared.get().client.map(Blkmove.quoted).joined(separator: " ")
    let run = try streams.shell(
      """
      $blkmove -e \(Blkmove.quoted(client)) --compress=none --remote-path \(farEnd.command) \
      backup:\(image.path) - | { head -c 2000000; kill -9 $(cat \(farEnd.pidFile)); cat; } >copy
      """)
    expectComplaint(run, status: 4, "they are no image")
  }

  @Test func aSourceThatChangesIsAnError() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 8 << 20, seed: 6)
    let run = try streams.shell(
      """
      $blkmove \(image.path) - | { head -c 1000000; printf x | dd of=\(image.path) bs=1 \
      seek=8000000 conv=notrunc status=none; cat; } >copy
      """)
    expectComplaint(run, status: 1, "changed while it was read", "they are no image")
  }

  @Test func whatMakesNoSense() throws {
    let image = try ImageFile.full(in: scratch, named: "image", byteCount: 4096, seed: 7)
    for (words, mention) in [
      ("- -", "stands for one of two"), ("image other -", "stands for one of two"),
      ("-n image -", "nothing to estimate"), ("--json image -", "standard output"),
      ("--verify image -", "cannot be read back"), ("--retry 2 image -", "only once"),
    ] {
      expectComplaint(
        try streams.shell("$blkmove \(words) </dev/null >made"), status: 2, mention)
    }
    let terminal = try streams.shell("script -qec \"$blkmove image -\" /dev/null")
    #expect(terminal.status == 2 && terminal.output.contains("terminal"), "\(terminal)")
    try streams.succeed("cp image ./-; $blkmove ./- copy")
    try expectEqual(ImageFile(scratch.path("copy")), image)
  }
}
