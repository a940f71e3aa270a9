// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Testing

@testable import Qemu

@Suite(.enabled(if: TestMachine.isHere, TestMachine.isMissing), .timeLimit(.minutes(2)))
struct QemuBitmapsTests {
  struct Kind: Sendable, CustomTestStringConvertible {
    var format: String
    var isInThread: Bool
    var testDescription: String { "\(format), \(isInThread ? "with" : "no") iothread" }

    static let all = ["raw", "qcow2"].flatMap { format in
      [false, true].map { Kind(format: format, isInThread: $0) }
    }
  }

  /// A machine whose first disk is tracked.
  private struct Tracked {
    let test: TestMachine
    let server: MachineServer
    let disk: MachineDisk
    let bitmaps: QemuBitmaps

    init(_ kind: Kind = Kind(format: "raw", isInThread: false)) throws {
      test = try TestMachine([.init(format: kind.format, isInThread: kind.isInThread)])
      disk = try #require(try test.machine.disks().first)
      server = MachineServer(for: test.machine)
      bitmaps = QemuBitmaps(of: disk, number: 0, at: server)
      try server.start()
      try bitmaps.begin()
    }

    /// The dirty groups.
    func take() throws -> (groups: [Int], loss: String?) {
      var dirty = DirtySet(shape: ImageShape(byteCount: disk.byteCount))
      let loss = try bitmaps.take(into: &dirty)
      var groups: [Int] = []
      for segment in 0..<dirty.shape.segmentCount {
        for group in 0..<16 where dirty[segment][group] { groups.append(segment * 16 + group) }
      }
      return (groups, loss)
    }
  }

  @Test(arguments: Kind.all)
  func whatIsWrittenIsToldOnce(_ kind: Kind) throws {
    let tracked = try Tracked(kind)
    let test = tracked.test
    #expect(try tracked.take() == ([], nil))
    try test.write(4096..<8192)
    try test.write(65535..<65537)
    try test.write((8 << 20) - 1..<8 << 20)
    #expect(try tracked.bitmaps.dirtyByteCount() == 4 * 4096)
    #expect(try tracked.take() == ([0, 1, 127], nil))
    #expect(try tracked.bitmaps.dirtyByteCount() == 0)
    try test.write(1 << 20..<3 << 20)
    #expect(try tracked.take() == (Array(16..<48), nil))
    // As often as there may be rounds: QEMU 7.2 survives it.
    for round in 0..<20 {
      try test.write(round * 65536..<round * 65536 + 1)
      #expect(try tracked.take() == ([round], nil))
    }
    tracked.bitmaps.end()
    tracked.server.stop()
    #expect(try test.traces() == [])
    #expect(!FileManager.default.fileExists(atPath: tracked.server.directory))
    #expect(test.isRunning)
    tracked.bitmaps.end()
    tracked.server.stop()
  }

  @Test func whatWasWrittenIsReportedAsFineAsItIs() throws {
    let tracked = try Tracked()
    try tracked.test.write(0..<1)
    var dirty = DirtySet(shape: ImageShape(byteCount: tracked.disk.byteCount))
    #expect(try tracked.bitmaps.take(into: &dirty) == nil)
    #expect(dirty.reportedByteCount == 4096)
  }

  @Test func aLostBitmapIsSaidAndMadeAnew() throws {
    let tracked = try Tracked()
    let channel = tracked.test.machine.channel
    let names = try tracked.test.traces().filter { $0.hasSuffix("-a0") }
    let name = try #require(names.first)
    try channel.execute(
      "block-dirty-bitmap-remove", ["node": .string("d0"), "name": .string(name)])
    #expect(try tracked.take().loss != nil)
    try tracked.test.write(0..<1)
    #expect(try tracked.take() == ([0], nil))
  }

  @Test func aServerThatWasEndedIsALoss() throws {
    let tracked = try Tracked()
    try tracked.test.machine.channel.execute("nbd-server-stop")
    try tracked.test.write(0..<1)
    #expect(try tracked.take().loss != nil)
    // And is one every time, without forgetting what is written.
    try tracked.test.write(65536..<65537)
    #expect(try tracked.take().loss != nil)
    tracked.bitmaps.end()
    tracked.server.stop()
    #expect(try tracked.test.traces() == [])
  }

  @Test func somebodyElsesServerIsLeftAlone() throws {
    let test = try TestMachine()
    try test.machine.channel.execute(
      "nbd-server-start",
      [
        "addr": .object([
          "type": .string("unix"), "data": .object(["path": .string(test.scratch("nbd"))]),
        ])
      ])
    let server = MachineServer(for: test.machine)
    let error = #expect(throws: QmpError.self) { try server.start() }
    #expect(error?.kind == .unsuitable)
    server.stop()
    #expect(throws: Never.self) { try test.machine.channel.execute("nbd-server-stop") }
  }

  /// What a guardian does, who has only the lines.
  @Test(arguments: ["nothing", "begun", "read", "connected"])
  func theListUndoesWhateverIsThere(_ state: String) throws {
    let test = try TestMachine([.init(isInThread: true)])
    let server = MachineServer(for: test.machine)
    let disk = try #require(try test.machine.disks().first)
    let bitmaps = QemuBitmaps(of: disk, number: 0, at: server)
    let undo = bitmaps.undo + server.undo
    if state != "nothing" {
      try server.start()
      try bitmaps.begin()
    }
    if state == "read" {
      var dirty = DirtySet(shape: ImageShape(byteCount: disk.byteCount))
      _ = try bitmaps.take(into: &dirty)
    }
    if state == "connected" {
      let scratch = try #require(try test.traces().first { $0.hasSuffix("-s0") })
      try test.machine.channel.execute(
        "block-export-add",
        [
          "type": .string("nbd"), "id": .string(String(scratch.dropLast(2) + "x0")),
          "node-name": .string(scratch),
        ])
    }
    for _ in 0..<2 {
      for command in undo { try test.machine.executeUnlessGone(command) }
    }
    #expect(try test.traces() == [])
    #expect(throws: QmpError.self) { try test.machine.channel.execute("nbd-server-stop") }
    server.stop()
  }
}
