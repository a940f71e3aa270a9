// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Qemu

@Suite(.enabled(if: TestMachine.isHere, TestMachine.isMissing), .timeLimit(.minutes(2)))
struct VirtualMachineTests {
  @Test func disksAreFound() throws {
    let extra = try {
      let scratch = Scratch()
      for name in ["c.raw", "ro.raw", "part.raw", "cd.iso"] {
        try TestMachine.run(["truncate", "-s", "1M", scratch(name)])
      }
      return scratch
    }()
    let test = try TestMachine(
      [.init(), .init(format: "qcow2", isInThread: true)],
      words: [
        "-drive", "file=\(extra("c.raw")),format=raw,if=virtio",
        "-drive", "file=\(extra("cd.iso")),format=raw,media=cdrom,if=ide",
        "-drive", "file=\(extra("cd.iso")),format=raw,if=none,id=unused,readonly=on",
        "-device", "virtio-scsi-pci,id=scsi0,iothread=io0",
        "-blockdev", "driver=file,node-name=ro,filename=\(extra("ro.raw")),read-only=on",
        "-device", "scsi-hd,id=sd0,drive=ro,bus=scsi0.0",
        "-blockdev", "driver=file,node-name=f9,filename=../\(Self.last(extra.path))/part.raw",
        "-blockdev", "driver=raw,node-name=part,file=f9,offset=4096,size=65536",
        "-device", "scsi-hd,id=sd1,drive=part,bus=scsi0.0,share-rw=on",
      ])
    let disks = try test.machine.disks().sorted { $0.name < $1.name }
    #expect(disks.map(\.name) == ["sd1", "vd0", "vd1", "virtio0"])
    let (part, raw, qcow, old) = (disks[0], disks[1], disks[2], disks[3])
    #expect(raw.directPath == test.scratch("disk0") && raw.node == "d0" && raw.format == "raw")
    #expect(raw.byteCount == 8 << 20 && !raw.isInThread && raw.fileName == "disk0")
    #expect(qcow.directPath == nil && qcow.path == test.scratch("disk1"))
    #expect(qcow.format == "qcow2" && qcow.isInThread && qcow.byteCount == 8 << 20)
    #expect(old.directPath == extra("c.raw") && !old.isInThread && old.byteCount == 1 << 20)
    // A part of a file is not the file.
    #expect(part.directPath == nil && part.isInThread && part.byteCount == 65536)
    #expect(part.fileName == "part.img")
  }

  private static func last(_ path: String) -> String {
    String(path.split(separator: "/").last ?? "")
  }

  @Test func relativeNamesBeginWhereQemuDoes() throws {
    let test = try TestMachine(
      [],
      words: [
        "-blockdev", "driver=file,node-name=f0,filename=qmp-disk", "-device",
        "virtio-blk-pci,id=vd0,drive=f0",
      ], before: { try TestMachine.run(["truncate", "-s", "1M", $0("qmp-disk")]) })
    let disk = try #require(try test.machine.disks().first)
    #expect(disk.directPath == test.scratch("qmp-disk"))
  }

  @Test func aMachineStopsAndGoesOn() throws {
    let test = try TestMachine()
    #expect(try test.machine.runState() == RunState(name: "prelaunch", isRunning: false))
    try test.machine.resume()
    #expect(try test.machine.runState().isRunning)
    try test.machine.pause()
    #expect(try test.machine.runState().isPaused)
    try test.machine.pause()
    try test.machine.resume()
    #expect(try test.machine.runState().isRunning)
    #expect(test.machine.channel.takeEvents().map(\.name) == ["RESUME", "STOP", "RESUME"])
    try test.machine.quit()
    #expect(try TestMachine.wait { !test.isRunning })
    #expect(throws: QmpError.self) { try test.machine.runState() }
  }

  private func limits(_ test: TestMachine, _ name: String = "iops_wr") throws -> Int64? {
    try test.machine.channel.execute("query-block").array?.first?["inserted"]?[name]?.integer
  }

  @Test func limitsComeAndGo() throws {
    let test = try TestMachine()
    let disk = try #require(try test.machine.disks().first)
    #expect(disk.throttle.isEmpty)
    try test.machine.slowDown(disk, writesPerSecond: 100)
    #expect(try limits(test) == 100)
    // Whoever looks now sees that these are ours.
    #expect(try test.machine.disks().first?.throttle.isEmpty == true)
    try test.machine.slowDown(disk, writesPerSecond: 50)
    #expect(try limits(test) == 50)
    for _ in 0..<2 {
      try test.machine.speedUp(disk)
      #expect(try limits(test) == 0)
    }
    #expect(try test.traces() == [])
  }

  @Test func theOwnersLimitsComeBack() throws {
    let test = try TestMachine()
    let own: [(String, Int64)] = [
      ("iops", 500), ("iops_max", 900), ("iops_max_length", 3), ("iops_size", 4096),
      ("bps", 0), ("bps_rd", 0), ("bps_wr", 1 << 20), ("iops_rd", 0), ("iops_wr", 0),
    ]
    let members = own.map { JSON.Member(name: $0.0, value: .integer($0.1)) }
    let name = JSON.Member(
      name: "id", value: .string("/machine/peripheral/vd0/virtio-backend"))
    let command = QmpCommand("block_set_io_throttle", arguments: .object(members + [name]))
    try test.machine.channel.execute(command)
    let disk = try #require(try test.machine.disks().first)
    try test.machine.slowDown(disk, writesPerSecond: 100)
    #expect(try limits(test, "iops") == 100)
    #expect(try limits(test, "bps_wr") == 1 << 20)
    try test.machine.slowDown(disk, writesPerSecond: 1000)
    #expect(try limits(test, "iops") == 500)
    try test.machine.speedUp(disk)
    for (name, value) in own where value != 0 {
      #expect(try limits(test, name) == value, "\(name)")
    }
    #expect(try test.machine.disks().first == disk)
  }

  @Test func leftoversOfTheDeadAreRemoved() throws {
    let test = try TestMachine()
    let channel = test.machine.channel
    func leave(_ prefix: String) throws {
      let node = JSON.string("\(prefix)-s0")
      try channel.execute(
        "blockdev-add",
        ["driver": .string("null-co"), "node-name": node, "size": .integer(8 << 20)])
      try channel.execute(
        "nbd-server-start",
        [
          "addr": .object([
            "type": .string("unix"), "data": .object(["path": .string(test.scratch("nbd"))]),
          ])
        ])
      try channel.execute(
        "block-dirty-bitmap-add", ["node": node, "name": .string("\(prefix)-m")])
      try channel.execute(
        "block-dirty-bitmap-add", ["node": .string("d0"), "name": .string("\(prefix)-a")])
      try channel.execute(
        "block-dirty-bitmap-add", ["node": .string("d0"), "name": .string("somebody's")])
      try channel.execute(
        "block-export-add",
        ["type": .string("nbd"), "id": .string("\(prefix)-x"), "node-name": node])
    }
    try leave("blkmove-1-0-7")
    let disk = try #require(try test.machine.disks().first)
    #expect(try test.machine.removeLeftovers().count == 4)
    #expect(try test.traces() == [])
    #expect(try test.machine.removeLeftovers() == [])
    let nodes = try channel.execute("query-named-block-nodes").encoded
    #expect(nodes.contains("somebody's"))
    try test.machine.slowDown(disk, writesPerSecond: 9)
    #expect(try test.machine.removeLeftovers().count == 1)
    #expect(try limits(test) == 0)
  }

  @Test func theLivingAreLeftAlone() throws {
    let test = try TestMachine()
    let other = RunToken().name("a")
    try test.machine.channel.execute(
      "block-dirty-bitmap-add", ["node": .string("d0"), "name": .string(other)])
    #expect(throws: QmpError.self) { try test.machine.removeLeftovers() }
    #expect(try test.traces() == [other])
  }
}
