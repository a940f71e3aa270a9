// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Storage
import Testing

@testable import Qemu

/// The machine runs here: the thread of a device begins with the firmware's first use of it.
@Suite(.enabled(if: TestMachine.isHere, TestMachine.isMissing), .timeLimit(.minutes(2)))
struct DiskExportTests {
  private struct Opened {
    let test: TestMachine
    let server: MachineServer
    let export: DiskExport
    let image: NbdImage

    init(isInThread: Bool) throws {
      test = try TestMachine([.init(format: "qcow2", isInThread: isInThread)])
      try test.run(until: "DRIVER_OK")
      server = MachineServer(for: test.machine)
      let disk = try #require(try test.machine.disks().first)
      #expect(disk.isInThread == isInThread)
      export = DiskExport(disk, number: 0, at: server)
      try server.start()
      image = NbdImage(try export.open())
    }

    /// Of what was written at the same place.
    func isRead(_ pattern: UInt8) throws -> Bool {
      let buffer = PageBuffer(byteCount: 4096)
      try test.write(4096..<8192, pattern: pattern)
      try image.read(into: buffer.bytes, at: 4096)
      return buffer.bytes.allSatisfy { $0 == pattern }
    }

    /// All of it is read, and again.
    func readForAWhile() {
      let buffer = PageBuffer(byteCount: 1 << 20)
      for turn in 0..<64 {
        guard (try? image.read(into: buffer.bytes, at: UInt64(turn % 8) << 20)) != nil else {
          return
        }
      }
    }
  }

  @Test(arguments: [false, true])
  func aDiskIsReadWhileItIsWritten(isInThread: Bool) throws {
    let opened = try Opened(isInThread: isInThread)
    #expect(opened.image.byteCount == 8 << 20)
    for pattern in [UInt8(1), 2, 3] { #expect(try opened.isRead(pattern)) }
    opened.readForAWhile()
    #expect(opened.export.close())
    #expect(opened.export.close())
    #expect(opened.server.stop())
    #expect(try opened.test.traces() == [])
    #expect(!FileManager.default.fileExists(atPath: opened.server.directory))
    usleep(200_000)
    #expect(opened.test.isRunning)
  }

  /// What a guardian does, who has only the lines and the paths.
  @Test(arguments: [false, true])
  func theListUndoesIt(isInThread: Bool) throws {
    let opened = try Opened(isInThread: isInThread)
    let machine = opened.test.machine
    for _ in 0..<2 {
      for command in opened.export.undo + opened.server.undo {
        try machine.executeUnlessGone(command)
      }
    }
    #expect(try opened.test.traces() == [])
    for path in opened.server.undoPaths where unlink(path) != 0 { rmdir(path) }
    #expect(!FileManager.default.fileExists(atPath: opened.server.directory))
    #expect(opened.test.isRunning)
  }

  @Test(arguments: [false, true])
  func itMayEndInTheMiddleOfReading(isInThread: Bool) throws {
    let opened = try Opened(isInThread: isInThread)
    let image = opened.image
    let threads = (0..<3).map { _ in
      Thread {
        let buffer = PageBuffer(byteCount: 1 << 20)
        while (try? image.read(into: buffer.bytes, at: 1 << 20)) != nil {}
      }
    }
    for thread in threads { thread.start() }
    usleep(200_000)
    #expect(opened.export.close())
    #expect(try TestMachine.wait { threads.allSatisfy { $0.isFinished } })
    opened.server.stop()
    #expect(try opened.test.traces() == [])
    #expect(opened.test.isRunning)
  }

  /// The reader goes first, as when somebody forgets the order: nobody else may be hurt by that.
  @Test(arguments: [false, true])
  func whoLeavesFirstDoesNoHarm(isInThread: Bool) throws {
    let test: TestMachine
    let server: MachineServer
    let export: DiskExport
    do {
      let opened = try Opened(isInThread: isInThread)
      opened.readForAWhile()
      (test, server, export) = (opened.test, opened.server, opened.export)
    }
    usleep(300_000)
    #expect(test.isRunning)
    #expect(export.close())
    server.stop()
    #expect(try test.traces() == [])
    #expect(test.isRunning)
  }
}
