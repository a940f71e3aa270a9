// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Glibc
import Qemu
import Storage
import Testing
import Transfer

@testable import Live

@Suite(.needsQemu, .timeLimit(.minutes(2))) struct LiveMachineTests {
  private let scratch = Scratch()

  init() { signal(SIGPIPE, SIG_IGN) }

  /// A machine with a raw disk and two in qcow2, one of them with a thread of its own.
  private func machine(_ formats: [String]) throws -> IdleMachine {
    var words = ["-machine", "q35", "-object", "iothread,id=io0"]
    for (number, format) in formats.enumerated() {
      let parts = format.split(separator: "+").map(String.init)
      let path = scratch.file("disk\(number).\(parts[0])")
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["qemu-img", "create", "-q", "-f", parts[0], path, "4M"]
      try process.run()
      process.waitUntilExit()
      words += [
        "-blockdev", "driver=file,node-name=f\(number),filename=\(path)",
        "-blockdev", "driver=\(parts[0]),node-name=d\(number),file=f\(number)", "-device",
        "virtio-blk-pci,id=vd\(number),drive=d\(number)"
          + (parts.count > 1 ? ",iothread=io0" : ""),
      ]
    }
    let machine = try IdleMachine(words)
    for (number, format) in formats.enumerated() where format.contains("+") {
      try waitForThread(of: number, machine)
    }
    return machine
  }

  /// The firmware has begun with the disk, and with its thread: QEMU 7.2 may not survive that while
  /// the disk is read.
  private func waitForThread(of disk: Int, _ machine: IdleMachine) throws {
    let status = QmpCommand(
      "x-query-virtio-status", ["path": .string("/machine/peripheral/vd\(disk)/virtio-backend")])
    for _ in 0..<500 {
      if try machine.ask(status).encoded.contains("DRIVER_OK") { return }
      usleep(20_000)
    }
    try #require(Bool(false), "the firmware does not begin with its disk")
  }

  private func write(_ live: LiveMachine, _ disk: Int, at offset: Int, pattern: UInt8) throws {
    let device = "/machine/peripheral/vd\(disk)/virtio-backend"
    let line = "qemu-io -d \(device) \"write -q -P \(pattern) \(offset) 4096\""
    let answer = try live.machine.channel.execute(
      "human-monitor-command", ["command-line": .string(line)])
    try #require(answer.string == "")
  }

  private func traces(_ machine: IdleMachine) throws -> Bool {
    let commands = ["query-named-block-nodes", "query-block-exports", "query-block"]
    return try commands.contains {
      try machine.ask(QmpCommand($0)).encoded.contains("\"blkmove-")
    }
  }

  @Test func allDisksAreReadAndTracked() throws {
    let idle = try machine(["raw", "qcow2", "qcow2+thread"])
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    let live = try LiveMachine(at: idle.address, guardian: guardian)
    let images = try live.openImages(isForced: false)
    #expect(images.map(\.disk.name) == ["vd0", "vd1", "vd2"])
    for image in images { try image.tracker.begin() }
    let buffer = PageBuffer(byteCount: 4096)
    for (number, image) in images.enumerated() {
      #expect(image.source.byteCount == 4 << 20)
      try write(live, number, at: 65536, pattern: UInt8(number + 1))
      try image.source.read(into: buffer.bytes, at: 65536)
      #expect(buffer.bytes.allSatisfy { $0 == UInt8(number + 1) })
      var dirty = DirtySet(shape: ImageShape(byteCount: 4 << 20))
      #expect(try image.tracker.take(into: &dirty) == nil)
      #expect(dirty.reportedByteCount == 4096)
    }
    for image in images { image.tracker.end() }
    live.end()
    live.end()
    #expect(guardian.undo.isEmpty)
    live.disconnect()
    #expect(try !traces(idle))
    guardian.finish()
  }

  @Test func aMachineIsPausedSlowedDownAndLetGo() throws {
    let idle = try machine(["raw", "raw"])
    try idle.ask(QmpCommand("cont"))
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    let live = try LiveMachine(at: idle.address, guardian: guardian)
    let disks = try live.machine.disks()
    let writer = try MachineWriter(live, disks: disks, guardian: guardian)
    #expect(writer.canSlowDown)
    try writer.slowDown(writesPerSecond: 100)
    try writer.slowDown(writesPerSecond: 50)
    #expect(guardian.undo.steps.count == 2)
    _ = try writer.pause()
    #expect(try live.machine.runState().isPaused)
    #expect(guardian.undo.steps.count == 3)
    try writer.resume()
    #expect(try live.machine.runState().isRunning)
    try writer.speedUp()
    try writer.speedUp()
    #expect(guardian.undo.isEmpty)
    _ = try writer.pause()
    try writer.stayPaused()
    #expect(guardian.undo.isEmpty)
    #expect(try live.machine.runState().isPaused)
    live.disconnect()
    #expect(try !traces(idle))
    guardian.finish()
  }

  @Test func aMachineThatStoodStillIsLeftSo() throws {
    let idle = try machine(["raw"])
    try idle.ask(QmpCommand("stop"))
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    let live = try LiveMachine(at: idle.address, guardian: guardian)
    let writer = try MachineWriter(live, disks: try live.machine.disks(), guardian: guardian)
    #expect(!writer.canSlowDown)
    _ = try writer.pause()
    #expect(guardian.undo.isEmpty)
    try writer.resume()
    #expect(try live.machine.runState().isPaused)
    guardian.finish()
  }

  /// QEMU 7.2 does not survive an export of a disk with a thread when it goes on.
  @Test func aDiskWithAThreadIsReadOverManyPauses() throws {
    let idle = try machine(["qcow2+thread"])
    try idle.ask(QmpCommand("cont"))
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    let live = try LiveMachine(at: idle.address, guardian: guardian)
    let images = try live.openImages(isForced: false)
    let source = images[0].source
    let writer = try MachineWriter(live, disks: images.map(\.disk), guardian: guardian)
    let reader = Thread {
      let buffer = PageBuffer(byteCount: 1 << 20)
      while (try? source.read(into: buffer.bytes, at: 1 << 20)) != nil {}
    }
    reader.start()
    for turn in 0..<8 {
      usleep(UInt32(turn) * 20_000)
      _ = try writer.pause()
      try writer.resume()
      #expect(try live.machine.runState().isRunning)
    }
    live.end()
    #expect(Processes.eventually(withinSeconds: 10) { reader.isFinished })
    live.disconnect()
    #expect(idle.status == "running")
    #expect(try !traces(idle))
    guardian.finish()
  }

  /// A run that fails in the middle: the guardian's list is all that is needed.
  @Test func nothingIsLeftOfARunThatFails() throws {
    let idle = try machine(["raw", "qcow2", "qcow2+thread"])
    try idle.ask(QmpCommand("cont"))
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    let live = try LiveMachine(at: idle.address, guardian: guardian)
    let images = try live.openImages(isForced: false)
    let writer = try MachineWriter(live, disks: images.map(\.disk), guardian: guardian)
    for image in images { try image.tracker.begin() }
    try writer.slowDown(writesPerSecond: 10)
    _ = try writer.pause()
    live.disconnect()
    let isDone = guardian.undoAll { print($0) }
    #expect(isDone)
    #expect(try !traces(idle))
    #expect(idle.status == "running")
    #expect(!FileManager.default.fileExists(atPath: live.directory))
    guardian.finish()
  }

  /// The same when nobody is there to undo anything but the guardian.
  @Test func nothingIsLeftOfARunThatIsGone() throws {
    let idle = try machine(["raw", "qcow2"])
    try idle.ask(QmpCommand("cont"))
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    let live = try LiveMachine(at: idle.address, guardian: guardian)
    let images = try live.openImages(isForced: false)
    let writer = try MachineWriter(live, disks: images.map(\.disk), guardian: guardian)
    for image in images { try image.tracker.begin() }
    try writer.slowDown(writesPerSecond: 10)
    _ = try writer.pause()
    live.disconnect()
    guardian.finish()
    #expect(try !traces(idle))
    #expect(idle.status == "running")
    #expect(!FileManager.default.fileExists(atPath: live.directory))
  }
}
