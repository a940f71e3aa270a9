// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Storage

@Suite struct MachineTests {
  struct Case: Sendable {
    var isRoot: Bool
    var environment: [String: String]
    var directory: String?
  }

  @Test(arguments: [
    Case(isRoot: true, environment: ["HOME": "/root"], directory: "/var/lib/blkmove"),
    Case(
      isRoot: true, environment: ["BLKMOVE_STATE_DIR": "/x", "XDG_STATE_HOME": "/y"],
      directory: "/x"),
    Case(
      isRoot: false, environment: ["XDG_STATE_HOME": "/y", "HOME": "/h"], directory: "/y/blkmove"),
    Case(
      isRoot: false, environment: ["XDG_STATE_HOME": "y", "HOME": "/h"],
      directory: "/h/.local/state/blkmove"),
    Case(isRoot: false, environment: ["HOME": "/h"], directory: "/h/.local/state/blkmove"),
    Case(isRoot: false, environment: [:], directory: nil),
  ])
  func marksAreKeptWhereTheEnvironmentSays(_ test: Case) {
    #expect(
      Machine.stateDirectory(isRoot: test.isRoot) { test.environment[$0] } == test.directory)
  }

  @Test func theCreationMaskIsAskedWithoutBeingChanged() throws {
    let mask = try #require(UInt32(try Command.run("sh", "-c", "umask"), radix: 8))
    #expect(Machine().creationMask == mask)
    #expect(Machine(processRoot: "/nowhere").creationMask == 0o077, "nothing for others")
  }

  @Test func aMarksNameIsAFileNameWhateverTheSerialSays() throws {
    let machine = Machine(stateDirectory: "/state")
    func name(_ serial: String) -> String? {
      UnfinishedMark(ImageKey(forDevice: serial, number: 0x700), on: machine)?.fileName
    }
    #expect(name("") == "unfinished-device-700")
    #expect(name("LVM-a_B9") == "unfinished-device-LVM-a_B9")
    #expect(name("../a b\n") == "unfinished-device-%2e%2e%2fa%20b%a")
    let long = String(repeating: "ü", count: 300)
    #expect(name(long + "1") != name(long + "2"))
    #expect(try #require(name(long)).utf8.count <= 255)
    #expect(UnfinishedMark(ImageKey(forDevice: "", number: 1), on: Machine()) == nil)
  }

  @Test func textsAreReadWholeOrNotAtAll() throws {
    let scratch = Scratch()
    let path = scratch.write([UInt8](repeating: 65, count: 200_000), to: "a")
    #expect(KernelFiles.text(path)?.utf8.count == 200_000)
    #expect(truncate(path, off_t(KernelFiles.maximumByteCount)) == 0)
    #expect(KernelFiles.text(path) == nil, "at the limit there may be more")
    #expect(truncate(path, off_t(KernelFiles.maximumByteCount) - 1) == 0)
    #expect(KernelFiles.text(path)?.utf8.count == KernelFiles.maximumByteCount - 1)
    #expect(KernelFiles.text(scratch.file("gone")) == nil)
    #expect(KernelFiles.names(in: scratch.file("gone")) == [])
    scratch.write(Array("  two words \nnext".utf8), to: "b")
    #expect(KernelFiles.line(scratch.file("b")) == "two words")
    scratch.write(Array(" \n".utf8), to: "c")
    #expect(KernelFiles.line(scratch.file("c")) == nil)
  }
}
