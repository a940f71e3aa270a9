// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Qemu

/// A real QEMU with disks and no guest: its processors never run, and what a guest would write is
/// written by `qemu-io` in its monitor.
final class TestMachine {
  static let program = "/usr/bin/qemu-system-x86_64"
  static let isHere = FileManager.default.isExecutableFile(atPath: program)
  static let isMissing: Comment = "qemu-system-x86_64 is not here"

  struct Disk {
    var format = "raw"
    var byteCount = 8 << 20
    var isInThread = false
  }

  let scratch = Scratch()
  let machine: VirtualMachine
  private let process = Process()

  /// Disk N is the node `dN` over `diskN`, on the device `vdN`.
  init(
    _ disks: [Disk] = [Disk()], words: [String] = [], monitorCount: Int = 1,
    before: (Scratch) throws -> Void = { _ in }
  ) throws {
    try before(scratch)
    process.executableURL = URL(fileURLWithPath: Self.program)
    process.currentDirectoryURL = URL(fileURLWithPath: scratch.path)
    var arguments = [
      "-accel", "tcg", "-M", "q35", "-S", "-nodefaults", "-display", "none", "-object",
      "iothread,id=io0",
    ]
    for number in 0..<monitorCount {
      arguments += ["-qmp", "unix:qmp\(number),server=on,wait=off"]
    }
    for (number, disk) in disks.enumerated() {
      let path = scratch("disk\(number)")
      try Self.run(["qemu-img", "create", "-q", "-f", disk.format, path, "\(disk.byteCount)"])
      arguments += [
        "-blockdev", "driver=file,node-name=f\(number),filename=\(path),discard=unmap",
        "-blockdev", "driver=\(disk.format),node-name=d\(number),file=f\(number),discard=unmap",
        "-device",
        "virtio-blk-pci,id=vd\(number),drive=d\(number)"
          + (disk.isInThread ? ",iothread=io0" : ""),
      ]
    }
    process.arguments = arguments + words
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let path = scratch("qmp0")
    for _ in 0..<500 where !FileManager.default.fileExists(atPath: path) { usleep(20_000) }
    // Between its name and its listening there is a moment.
    var made: VirtualMachine?
    for _ in 0..<100 {
      made = try? VirtualMachine(at: .socket(path: path))
      if made != nil { break }
      usleep(20_000)
    }
    machine = try #require(made)
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try? FileManager.default.removeItem(atPath: MachineServer(for: machine).directory)
  }

  /// Asks again and again, for 20 seconds at most.
  static func wait(until isTrue: () throws -> Bool) throws -> Bool {
    for _ in 0..<1000 {
      if try isTrue() { return true }
      usleep(20_000)
    }
    return false
  }

  static func run(_ words: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(words)")
  }

  var isRunning: Bool { process.isRunning }
  var identifier: pid_t { process.processIdentifier }

  /// As if the guest wrote a pattern.
  func write(_ range: Range<Int>, pattern: UInt8 = 0x5a, device: String = "vd0") throws {
    let line = "write -q -P \(pattern) \(range.lowerBound) \(range.count)"
    let answer = try machine.channel.execute(
      "human-monitor-command",
      [
        "command-line":
          .string("qemu-io -d /machine/peripheral/\(device)/virtio-backend \"\(line)\"")
      ])
    try #require(answer.string == "", "\(answer)")
  }

  /// Lets its firmware run until that has come to something with the first disk.
  func run(until status: String) throws {
    try machine.resume()
    for _ in 0..<1000 {
      let answer = try machine.channel.execute(
        "x-query-virtio-status",
        ["path": .string("/machine/peripheral/vd0/virtio-backend")])
      if answer.encoded.contains(status) { return }
      usleep(20_000)
    }
    try #require(Bool(false), "the firmware does not come to \(status)")
  }

  /// Everything in it that is ours.
  func traces() throws -> Set<String> {
    let texts = [
      try machine.channel.execute("query-named-block-nodes").encoded,
      try machine.channel.execute("query-block-exports").encoded,
      try machine.channel.execute("query-block").encoded,
    ]
    return Set(
      texts.flatMap { $0.split(separator: "\"") }.filter { $0.hasPrefix("blkmove-") }
        .map(String.init))
  }
}
