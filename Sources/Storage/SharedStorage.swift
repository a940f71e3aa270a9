// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Whether source and target are, in whatever disguise, the same bytes: one inode, a disk and its
/// partition, a file and the loop device that shows it, a volume and the disk below it.
enum SharedStorage {
  /// What the target has to do with the source; nil when nothing.
  static func sentence(
    source: ImageIdentity, target: ImageIdentity, on machine: Machine
  ) -> String? {
    if source.isSameImage(as: target) { return "is the source itself" }
    switch (source.kind, target.kind) {
    case (.file, .file):
      return nil
    case (.file, .device):
      return shows(device(target, machine), source) ? "is a loop device that shows the source" : nil
    case (.device, .file):
      return shows(device(source, machine), target) ? "is what the source shows" : nil
    case (.device, .device):
      return sentence(source: device(source, machine), target: device(target, machine), source)
    }
  }

  private static func sentence(
    source: BlockDevice, target: BlockDevice, _ identity: ImageIdentity
  ) -> String? {
    if source.loopBacking != nil, source.serial == target.serial, !source.serial.isEmpty {
      return "shows the same bytes as the source"
    }
    if target.disk.number == source.number { return "is a partition of the source" }
    if source.disk.number == target.number { return "is the disk that the source is a part of" }
    if shows(target, identity) { return "is a loop device that shows the source" }
    func stands(_ upper: BlockDevice, on lower: BlockDevice) -> Bool {
      let below = upper.foundations.map(\.disk.number)
      return upper.foundations.map(\.number).contains(lower.number) || below.contains(lower.number)
    }
    if stands(target, on: source) { return "is built on the source" }
    if stands(source, on: target) { return "is what the source is built on" }
    return nil
  }

  private static func device(_ identity: ImageIdentity, _ machine: Machine) -> BlockDevice {
    BlockDevice(DeviceNumber(identity.deviceNumber), on: machine)
  }

  /// Whether a loop device, or the disk of this partition, shows the image.
  private static func shows(_ device: BlockDevice, _ image: ImageIdentity) -> Bool {
    guard let backing = device.disk.loopBacking, let status = KernelFiles.status(backing) else {
      return false
    }
    switch image.kind {
    case .file:
      return UInt64(status.st_dev) == image.deviceNumber && UInt64(status.st_ino) == image.inode
    case .device:
      return status.st_mode & S_IFMT == S_IFBLK && UInt64(status.st_rdev) == image.deviceNumber
    }
  }
}
