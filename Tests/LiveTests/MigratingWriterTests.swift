// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Qemu
import Testing
import Transfer

@testable import Live

/// The other end is this machine behind a shell that drops the host's name: all that goes there
/// goes through the relay.
@Suite(.needsQemu, .timeLimit(.minutes(2))) struct MigratingWriterTests {
  private let scratch = Scratch()
  private let path: String

  init() throws {
    signal(SIGPIPE, SIG_IGN)
    // Names of sockets are short.
    path = "/tmp/blkmove-memory-\(UInt32.random(in: 0...UInt32.max))"
    let shell = scratch.file("shell")
    try "#!/bin/sh\nshift\nexec sh -c \"$*\"\n".write(
      toFile: shell, atomically: true, encoding: .utf8)
    chmod(shell, 0o755)
  }

  private func machine(_ more: [String] = []) throws -> IdleMachine {
    let disk = scratch.file("disk\(more.count)")
    _ = FileManager.default.createFile(atPath: disk, contents: Data(count: 1 << 20))
    return try IdleMachine(
      [
        "-machine", "q35", "-m", "32", "-blockdev",
        "driver=file,node-name=f0,filename=\(disk)", "-device",
        "virtio-blk-pci,id=vd0,drive=f0",
      ] + more)
  }

  private func writer(
    _ here: IdleMachine, _ guardian: GuardianProcess
  ) throws -> (MigratingWriter, LiveMachine) {
    let live = try LiveMachine(at: here.address, guardian: guardian)
    let base = try MachineWriter(live, disks: try live.machine.disks(), guardian: guardian)
    var settings = Settings()
    settings.remoteShell = [scratch.file("shell")]
    settings.remoteCommand = [GuardedRun.program]
    let place = MemoryPlace(
      path, at: .remote(RemoteLocation(host: "there", path: "/")), settings: settings
    ) { print($0) }
    let writer = try MigratingWriter(
      base, live: live, to: place, guardian: guardian, incomingHook: nil,
      maximumPauseSeconds: 3, bytesPerSecond: 0
    ) { print($0) }
    return (writer, live)
  }

  private func waitUntilReady(_ writer: MigratingWriter) throws {
    for _ in 0..<1000 {
      if try writer.isReady() { return }
      usleep(10_000)
    }
  }

  private var incoming: [String] {
    ["-incoming", "defer", "-qmp", "unix:\(path),server=on,wait=off"]
  }

  @Test func aMachineGoesOver() throws {
    let (here, there) = (try machine(), try machine(incoming))
    defer { unlink(path) }
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    let (writer, live) = try writer(here, guardian)
    try writer.prepare()
    try waitUntilReady(writer)
    let start = try writer.pause()
    #expect(start <= Clock.now && start > Clock.now - 30)
    #expect(try !live.machine.runState().isRunning)
    #expect(there.status == "inmigrate")
    try writer.moveOver()
    #expect(there.status == "running")
    try writer.stayPaused()
    #expect(guardian.undo.isEmpty)
    // Whatever fails now, it is not resumed here.
    try writer.resume()
    writer.close()
    #expect(here.status == "postmigrate")
    guardian.finish()
    #expect(here.status == "postmigrate")
    #expect(there.status == "running")
    #expect(!FileManager.default.fileExists(atPath: "\(path).blkmove-\(getpid())"))
  }

  @Test func aPauseThatIsBrokenOffEndsHere() throws {
    let (here, there) = (try machine(), try machine(incoming))
    defer { unlink(path) }
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    let (writer, live) = try writer(here, guardian)
    try writer.prepare()
    try waitUntilReady(writer)
    _ = try writer.pause()
    try writer.resume()
    #expect(try live.machine.runState().isRunning)
    #expect(guardian.undo.isEmpty)
    writer.close()
    guardian.finish()
    #expect(here.status == "running")
    _ = there
  }

  @Test func aTargetThatDiesInThePauseDoesNotTakeItAlong() throws {
    let (here, there) = (try machine(), try machine(incoming))
    defer { unlink(path) }
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    let (writer, live) = try writer(here, guardian)
    try writer.prepare()
    try waitUntilReady(writer)
    _ = try writer.pause()
    there.quit()
    #expect(throws: TransferError.self) { try writer.moveOver() }
    try writer.resume()
    #expect(try live.machine.runState().isRunning)
    writer.close()
    guardian.finish()
    #expect(here.status == "running")
  }

  @Test(arguments: ["prepared", "paused"])
  func aRunThatDiesLeavesItRunningHere(_ state: String) throws {
    let (here, there) = (try machine(), try machine(incoming))
    defer { unlink(path) }
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    let (writer, live) = try writer(here, guardian)
    try writer.prepare()
    if state == "paused" {
      try waitUntilReady(writer)
      _ = try writer.pause()
    }
    live.disconnect()
    guardian.finish()
    let isRunning = Processes.eventually(withinSeconds: 10) { here.status == "running" }
    #expect(isRunning)
    _ = (writer, there)
  }

  @Test func aTargetThatIsNotThereIsSaid() throws {
    let here = try machine()
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    let (writer, _) = try writer(here, guardian)
    let error = #expect(throws: TransferError.self) { try writer.prepare() }
    #expect(error?.sentence.contains("there:\(path)") == true)
    writer.close()
    guardian.finish()
  }
}
