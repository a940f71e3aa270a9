// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Storage

/// What sysfs and procfs tell, read from trees like those of machines that we do not have here:
/// device-mapper, md, NVMe, multipath.
@Suite struct BlockDeviceTests {
  let scratch = Scratch()

  private var machine: Machine {
    Machine(processRoot: scratch.file("proc"), systemRoot: scratch.file("sys"))
  }

  private func put(_ text: String, _ name: String) {
    let path = scratch.file(name)
    let directory = String(path[..<path.lastIndex(of: "/")!])
    try! FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try! (text + "\n").write(toFile: path, atomically: false, encoding: .utf8)
  }

  /// A device in the tree, with its attributes.
  private func add(_ place: String, _ number: String, _ attributes: [String: String] = [:]) {
    put(number, "sys/devices/\(place)/dev")
    for (name, value) in attributes { put(value, "sys/devices/\(place)/\(name)") }
    let links = scratch.file("sys/dev/block")
    try! FileManager.default.createDirectory(atPath: links, withIntermediateDirectories: true)
    #expect(symlink("../../devices/\(place)", "\(links)/\(number)") == 0)
  }

  private func hold(_ lower: String, by upper: String) {
    let name = { (place: String) in String(place.split(separator: "/").last!) }
    for (place, kind, other) in [(lower, "holders", upper), (upper, "slaves", lower)] {
      let directory = scratch.file("sys/devices/\(place)/\(kind)")
      try! FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      let root = scratch.file("sys/devices/\(other)")
      #expect(symlink(root, "\(directory)/\(name(other))") == 0)
    }
  }

  private func device(_ number: String) -> BlockDevice {
    BlockDevice(DeviceNumber(number)!, on: machine)
  }

  /// sda with two partitions, the second a physical volume with the volume web-root on it.
  private func makeVolumes() {
    let disk = "pci0/host0/block/sda"
    add(disk, "8:0", ["ro": "0", "device/wwid": "naa.5000c500a1b2c3d4 "])
    add("\(disk)/sda1", "8:1", ["partition": "1"])
    add("\(disk)/sda2", "8:2", ["partition": "2"])
    add(
      "virtual/block/dm-0", "253:0",
      ["dm/name": "web-root", "dm/uuid": "LVM-abc/def", "ro": "1"])
    hold("\(disk)/sda2", by: "virtual/block/dm-0")
  }

  @Test func aDiskKnowsItsPartitionsAndTheyKnowIt() {
    makeVolumes()
    let disk = device("8:0")
    #expect(disk.path == "/dev/sda" && !disk.isPartition && !disk.isReadOnly)
    #expect(disk.partitions.map(\.path) == ["/dev/sda1", "/dev/sda2"])
    #expect(device("8:2").isPartition && device("8:2").disk.number == disk.number)
    #expect(device("8:2").partitions.isEmpty && disk.disk.number == disk.number)
  }

  @Test func namesAreThoseThatPeopleKnow() {
    makeVolumes()
    add("pci1/block/cciss!c0d0", "104:0")
    #expect(device("253:0").path == "/dev/mapper/web-root")
    #expect(device("104:0").path == "/dev/cciss/c0d0")
    #expect(device("9:9").path == "device 9:9")
    #expect(device("253:0").isReadOnly)
  }

  @Test func aSerialIsTheStrongestNameThatThereIs() {
    makeVolumes()
    add("pci2/nvme0/nvme0n1", "259:0", ["wwid": "eui.0025385a", "device/serial": "S4EV"])
    add("pci2/nvme0/nvme0n1/nvme0n1p3", "259:3", ["partition": "3"])
    add("virtio1/block/vda", "254:0", ["serial": "vm-disk-1"])
    add("virtio2/block/vdb", "254:16", ["serial": ""])
    add("virtio2/block/vdb/vdb1", "254:17", ["partition": "1"])
    add("virtual/block/md127", "9:127", ["md/uuid": "0a:1b"])
    #expect(device("253:0").serial == "LVM-abc/def")
    #expect(device("8:0").serial == "naa.5000c500a1b2c3d4")
    #expect(device("8:2").serial == "naa.5000c500a1b2c3d4-part2")
    #expect(device("259:0").serial == "eui.0025385a")
    #expect(device("259:3").serial == "eui.0025385a-part3")
    #expect(device("254:0").serial == "vm-disk-1")
    #expect(device("254:16").serial == "" && device("254:17").serial == "")
    #expect(device("9:127").serial == "0a:1b")
    #expect(device("77:77").serial == "")
  }

  @Test func holdersAreNamedAtEveryLevel() {
    makeVolumes()
    func sentences(_ number: String) -> [String] {
      Occupation.all(of: device(number), on: machine).map(\.sentence)
    }
    #expect(sentences("8:2") == ["is held by /dev/mapper/web-root"])
    #expect(sentences("8:0") == ["its partition /dev/sda2 is held by /dev/mapper/web-root"])
    #expect(sentences("8:1") == [])
    #expect(sentences("253:0") == [])
    put("20 1 253:0 / / rw,relatime shared:1 - ext4 /dev/mapper/web-root rw", "proc/self/mountinfo")
    #expect(sentences("253:0") == ["is mounted at /"])
    put(
      """
      20 1 0:44 / /pool rw - btrfs /dev/null rw
      21 1 8:1 /sub /boot ro - ext4 /dev/sda1 ro
      x

      """,
      "proc/self/mountinfo")
    #expect(sentences("8:1") == ["is mounted at /boot (read-only)"])
    #expect(!Occupation.all(of: device("8:1"), on: machine)[0].isWriter)
    put("00000000-0000", "sys/fs/btrfs/features/x")
    put("", "sys/fs/btrfs/1234/devices/sda1")
    put("", "proc/self/mountinfo")
    #expect(sentences("8:1") == ["is part of a mounted btrfs file system"])
  }

  @Test func aVolumeAndItsDiskAreTheSameStorage() {
    makeVolumes()
    add("virtual/block/dm-1", "253:1", ["dm/name": "snapshot"])
    hold("virtual/block/dm-0", by: "virtual/block/dm-1")
    add("other/block/sdb", "8:16")
    func sentence(_ source: String, _ target: String) -> String? {
      func identity(_ number: String) -> ImageIdentity {
        ImageIdentity(kind: .device, deviceNumber: DeviceNumber(number)!.raw, byteCount: 1)
      }
      return SharedStorage.sentence(
        source: identity(source), target: identity(target), on: machine)
    }
    #expect(sentence("8:2", "253:0") == "is built on the source")
    #expect(sentence("8:0", "253:1") == "is built on the source")
    #expect(sentence("253:1", "8:0") == "is what the source is built on")
    #expect(sentence("253:1", "253:0") == "is what the source is built on")
    #expect(sentence("8:1", "8:0") == "is the disk that the source is a part of")
    #expect(sentence("8:1", "8:2") == nil && sentence("8:1", "253:0") == nil)
    #expect(sentence("8:16", "253:1") == nil && sentence("8:0", "8:16") == nil)
  }

  /// sysfs has no circles, but a trap must not depend on that.
  @Test(.timeLimit(.minutes(1))) func aCircleOfDevicesHasAnEnd() {
    add("virtual/block/dm-0", "253:0")
    add("virtual/block/dm-1", "253:1")
    hold("virtual/block/dm-0", by: "virtual/block/dm-1")
    hold("virtual/block/dm-1", by: "virtual/block/dm-0")
    #expect(device("253:0").foundations.count <= 64)
  }

  struct Line: Sendable {
    var line: String
    var mount: Mount?
  }

  static let lines: [Line] = [
    Line(
      line: "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
      mount: Mount(
        device: DeviceNumber(major: 98, minor: 0), point: "/mnt2", type: "ext3",
        source: "/dev/root", isWritable: true)),
    Line(
      line: #"42 27 7:0 / /a\040b\011c\134d\0 rw - ext4 /dev/my\040disk ro"#,
      mount: Mount(
        device: DeviceNumber(major: 7, minor: 0), point: "/a b\tc\\d\\0", type: "ext4",
        source: "/dev/my disk", isWritable: false)),
    Line(
      line: "1 1 0:1 / / rw a:1 b:2 c:3 - tmpfs none rw,size=1",
      mount: Mount(
        device: DeviceNumber(major: 0, minor: 1), point: "/", type: "tmpfs", source: "none",
        isWritable: true)),
    Line(line: ""), Line(line: "1 2 3"), Line(line: "1 1 x:y / / rw - a b c d"),
    Line(line: "1 1 1:1 / / rw a b c d e f"), Line(line: "1 1 1:1 / / rw a b c -"),
  ]

  @Test(arguments: lines) func aMountIsReadFromItsLine(_ test: Line) {
    #expect(Mount(line: Substring(test.line)) == test.mount)
  }

  @Test func swapSpacesAreReadFromTheirTable() {
    #expect(SwapSpace.paths(on: machine) == [])
    put(
      "Filename\t\tType\t\tSize\n/dev/dm-1    partition 4 0 -2\n/swap\\040file file 8 0 -3",
      "proc/swaps")
    #expect(SwapSpace.paths(on: machine) == ["/dev/dm-1", "/swap file"])
  }

  @Test func numbersSurviveTheirKernelForm() {
    for (major, minor) in [(0, 0), (7, 255), (259, 256), (4095, 1_048_575), (1 << 20, 1 << 30)] {
      let number = DeviceNumber(major: UInt32(major), minor: UInt32(minor))
      #expect(DeviceNumber(number.raw) == number && DeviceNumber(number.description) == number)
    }
    #expect(DeviceNumber("7") == nil && DeviceNumber("7:x") == nil && DeviceNumber("") == nil)
    var status = stat()
    #expect(stat("/dev/null", &status) == 0)
    #expect(DeviceNumber(UInt64(status.st_rdev)) == DeviceNumber(major: 1, minor: 3))
  }
}
