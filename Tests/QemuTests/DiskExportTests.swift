// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Storage
import Testing

@testable import Qemu

@Suite(.enabled(if: TestMachine.isHere, TestMachine.isMissing), .timeLimit(.minutes(2)))
struct DiskExportTests {
  private func opened(
    isInThread: Bool
  ) throws -> (TestMachine, MachineServer, DiskExport, DiskExport.Access) {
    let test = try TestMachine([.init(format: "qcow2", isInThread: isInThread)])
    let server = MachineServer(for: test.machine)
    let disk = try #require(try test.machine.disks().first)
    let export = DiskExport(disk, number: 0, at: server)
    try server.start()
    return (test, server, export, try export.open())
  }

  @Test func aDiskIsReadWhileItIsWritten() throws {
    let (test, server, export, access) = try opened(isInThread: false)
    guard case .export(let address) = access else {
      Issue.record("not by NBD")
      return
    }
    let image = try NbdImage(address)
    #expect(image.byteCount == 8 << 20)
    let buffer = PageBuffer(byteCount: 4096)
    for pattern in [UInt8(1), 2, 3] {
      try test.write(4096..<8192, pattern: pattern)
      try image.read(into: buffer.bytes, at: 4096)
      #expect(buffer.bytes.allSatisfy { $0 == pattern })
    }
    export.close()
    export.close()
    server.stop()
    #expect(try test.traces() == [])
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/fuse"), "needs /dev/fuse"))
  func aDiskWithAThreadIsAFile() throws {
    let (test, server, export, access) = try opened(isInThread: true)
    guard case .file(let path) = access else {
      Issue.record("not a file")
      return
    }
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    #expect(size == 8 << 20)
    for pattern in [UInt8(1), 2, 3] {
      try test.write(4096..<8192, pattern: pattern)
      let handle = try #require(FileHandle(forReadingAtPath: path))
      try handle.seek(toOffset: 4096)
      #expect(try handle.read(upToCount: 4096) == Data(repeating: pattern, count: 4096))
      try handle.close()
    }
    export.close()
    export.close()
    server.stop()
    #expect(try test.traces() == [])
    #expect(!FileManager.default.fileExists(atPath: server.directory))
    #expect(test.isRunning)
  }

  /// What a guardian does, who has only the lines and the paths.
  @Test(arguments: [false, true])
  func theListUndoesIt(isInThread: Bool) throws {
    if isInThread && !FileManager.default.fileExists(atPath: "/dev/fuse") { return }
    let (test, server, export, _) = try opened(isInThread: isInThread)
    for _ in 0..<2 {
      for command in export.undo + server.undo { try test.machine.executeUnlessGone(command) }
    }
    #expect(try test.traces() == [])
    for path in export.undoPaths + server.undoPaths where unlink(path) != 0 { rmdir(path) }
    #expect(!FileManager.default.fileExists(atPath: server.directory))
  }
}
