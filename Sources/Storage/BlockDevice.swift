// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What sysfs tells about one block device: its name, what it is made of, what is made of it.
struct BlockDevice: Sendable {
  let number: DeviceNumber
  private let systemRoot: String
  /// Its directory in sysfs, links followed; nil where sysfs does not know it.
  private let directory: String?

  init(_ number: DeviceNumber, on machine: Machine) {
    self.init(number, systemRoot: machine.systemRoot)
  }

  private init(_ number: DeviceNumber, systemRoot: String) {
    self.number = number
    self.systemRoot = systemRoot
    directory = KernelFiles.resolved("\(systemRoot)/dev/block/\(number)")
  }

  /// As it is called in /dev; a device-mapper device by the name that people gave it.
  var path: String {
    if let name = attribute("dm/name") { return "/dev/mapper/" + name }
    guard let name = directory?.split(separator: "/").last else { return "device \(number)" }
    // sysfs cannot have a slash in a name.
    return "/dev/" + String(name.map { $0 == "!" ? "/" : $0 })
  }

  var isPartition: Bool { attribute("partition") != nil }

  var isReadOnly: Bool { attribute("ro") == "1" }

  /// The disk that this is a partition of; itself when it is none.
  var disk: BlockDevice {
    guard isPartition, let directory, let slash = directory.lastIndex(of: "/"),
      let parent = device(in: String(directory[..<slash]))
    else { return self }
    return parent
  }

  /// Of a disk; a partition has none.
  var partitions: [BlockDevice] {
    guard let directory, !isPartition else { return [] }
    return KernelFiles.names(in: directory)
      .filter { KernelFiles.exists("\(directory)/\($0)/partition") }
      .compactMap { device(in: "\(directory)/\($0)") }
  }

  /// What is built on it: device-mapper, md, bcache.
  var holders: [BlockDevice] { devices(in: "holders") }

  /// What it is built on, one step down.
  var slaves: [BlockDevice] { devices(in: "slaves") }

  /// What it is built on, all the way down; sysfs has no circles, the limit is for broken ones.
  var foundations: [BlockDevice] {
    var found: [BlockDevice] = []
    var next = slaves
    while let device = next.popLast(), found.count < Self.maximumFoundationCount {
      found.append(device)
      next += device.slaves
    }
    return found
  }

  private static let maximumFoundationCount = 64

  /// The path of what a loop device shows, when it is one that is in use.
  var loopBacking: String? { attribute("loop/backing_file") }

  /// The same, but only when it shows all of that from its first byte on.
  var wholeLoopBacking: String? {
    attribute("loop/offset") == "0" && attribute("loop/sizelimit") == "0" ? loopBacking : nil
  }

  /// The loop devices of this machine that are in use.
  static func loops(on machine: Machine) -> [BlockDevice] {
    let classDirectory = machine.systemRoot + "/block"
    var loops: [BlockDevice] = []
    // Never lazily: devices come and go while we look, and a lazy filter looks twice.
    for name in KernelFiles.names(in: classDirectory) where name.hasPrefix("loop") {
      guard KernelFiles.exists("\(classDirectory)/\(name)/loop/backing_file"),
        let number = KernelFiles.line("\(classDirectory)/\(name)/dev").flatMap({ DeviceNumber($0) })
      else { continue }
      loops.append(BlockDevice(number, on: machine))
    }
    return loops
  }

  /// Whether it takes part in a btrfs file system that is mounted, perhaps with others.
  var isPartOfBtrfs: Bool {
    guard let name = directory?.split(separator: "/").last else { return false }
    let systems = systemRoot + "/fs/btrfs"
    return KernelFiles.names(in: systems).contains {
      KernelFiles.exists("\(systems)/\($0)/devices/\(name)")
    }
  }

  /// What tells it from every other device, also after a restart with other numbers; empty when
  /// it has nothing of the kind.
  var serial: String {
    if let uuid = attribute("dm/uuid") { return uuid }
    if let backing = loopBacking, let status = KernelFiles.status(backing) {
      let offset = attribute("loop/offset") ?? "0"
      return "loop-\(status.st_dev)-\(status.st_ino)-\(offset)"
    }
    if isPartition {
      let whole = disk.serial
      return whole.isEmpty ? "" : "\(whole)-part\(attribute("partition") ?? "")"
    }
    for place in ["wwid", "device/wwid", "md/uuid", "serial", "device/serial"] {
      if let value = attribute(place) { return value }
    }
    return ""
  }

  private func attribute(_ name: String) -> String? {
    directory.flatMap { KernelFiles.line("\($0)/\(name)") }
  }

  private func devices(in name: String) -> [BlockDevice] {
    guard let directory else { return [] }
    return KernelFiles.names(in: "\(directory)/\(name)")
      .compactMap { device(in: "\(directory)/\(name)/\($0)") }
  }

  private func device(in directory: String) -> BlockDevice? {
    guard let number = KernelFiles.line(directory + "/dev").flatMap({ DeviceNumber($0) }) else {
      return nil
    }
    return BlockDevice(number, systemRoot: systemRoot)
  }
}
