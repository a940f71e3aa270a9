// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Something that uses an image: a reason not to write it, and something to know when it is read.
struct Occupation: Equatable, Sendable {
  var refusal: StorageError.Refusal
  /// About the image: `is mounted at /srv`.
  var sentence: String
  var hint: String
  /// Whether `--force` may go on all the same.
  var isForceable: Bool
  /// Whether it may change the image while we read it.
  var isWriter = true

  /// Who uses a block device, its partitions, or the disk that it is a partition of.
  static func all(of device: BlockDevice, on machine: Machine) -> [Occupation] {
    let mounts = Mount.all(on: machine)
    let swaps = SwapSpace.paths(on: machine).compactMap { KernelFiles.status($0) }
      .filter { $0.st_mode & S_IFMT == S_IFBLK }.map { DeviceNumber(UInt64($0.st_rdev)) }
    let loops = BlockDevice.loops(on: machine)
    var found = direct(device, "", mounts, swaps, loops)
    for partition in device.partitions {
      found += direct(partition, "its partition \(partition.path) ", mounts, swaps, loops)
    }
    let disk = device.disk
    if disk.number != device.number {
      found += direct(disk, "its disk \(disk.path) ", mounts, swaps, loops)
    }
    return found
  }

  private static func direct(
    _ device: BlockDevice, _ subject: String, _ mounts: [Mount], _ swaps: [DeviceNumber],
    _ loops: [BlockDevice]
  ) -> [Occupation] {
    var found = mounts.filter { $0.isOn(device.number) }.map { mount in
      Occupation(
        refusal: .mounted,
        sentence: "\(subject)is mounted at \(mount.point)\(mount.isWritable ? "" : " (read-only)")",
        hint: "unmount it first: umount \(mount.point)", isForceable: false,
        isWriter: mount.isWritable)
    }
    // The same file system in ten places is one reason.
    if found.count > 1 { found = [found.first { $0.isWriter } ?? found[0]] }
    if swaps.contains(device.number) {
      found.append(
        Occupation(
          refusal: .swap, sentence: "\(subject)is swap space in use",
          hint: "swapoff \(device.path)", isForceable: false))
    }
    let holders = device.holders.map(\.path)
    if !holders.isEmpty {
      found.append(
        Occupation(
          refusal: .held, sentence: "\(subject)is held by \(holders.joined(separator: ", "))",
          hint: "stop what is built on it first (dmsetup, mdadm, vgchange)", isForceable: false))
    }
    if found.isEmpty && device.isPartOfBtrfs {
      found.append(
        Occupation(
          refusal: .mounted, sentence: "\(subject)is part of a mounted btrfs file system",
          hint: "unmount it first", isForceable: false))
    }
    for loop in loops {
      guard let status = loop.loopBacking.flatMap({ KernelFiles.status($0) }),
        status.st_mode & S_IFMT == S_IFBLK,
        DeviceNumber(UInt64(status.st_rdev)) == device.number
      else { continue }
      found.append(backing(loop, subject, mounts))
    }
    return found
  }

  /// Who uses a regular file.
  static func all(ofFile file: stat, on machine: Machine) -> [Occupation] {
    var found: [Occupation] = []
    func isFile(_ path: String) -> Bool {
      guard let status = KernelFiles.status(path) else { return false }
      return status.st_dev == file.st_dev && status.st_ino == file.st_ino
    }
    for path in SwapSpace.paths(on: machine) where isFile(path) {
      found.append(
        Occupation(
          refusal: .swap, sentence: "is a swap file in use", hint: "swapoff \(path)",
          isForceable: false))
    }
    for loop in BlockDevice.loops(on: machine) where loop.loopBacking.map(isFile) ?? false {
      found.append(backing(loop, "", Mount.all(on: machine)))
    }
    return found
  }

  private static func backing(_ loop: BlockDevice, _ subject: String, _ mounts: [Mount])
    -> Occupation
  {
    let parts = [loop] + loop.partitions
    let mount = mounts.first { mount in parts.contains { mount.isOn($0.number) } }
    return Occupation(
      refusal: .loopBacking,
      sentence: "\(subject)is what \(loop.path) shows"
        + (mount.map { ", which is mounted at \($0.point)" } ?? ""),
      hint: "detach it first: losetup -d \(loop.path)",
      // Writing under a mounted file system destroys it, whoever insists.
      isForceable: mount == nil, isWriter: !loop.isReadOnly)
  }

  /// A lock that some other program holds on an open image; QEMU locks all of its images.
  static func lock(
    on file: borrowing Descriptor, status: stat, on machine: Machine
  ) -> Occupation? {
    guard let holder = try? file.calls.foreignLock(file.number), holder.is_locked else {
      return nil
    }
    var users =
      holder.process > 0
      ? [ProcessTable.describe(holder.process, on: machine)]
      : ProcessTable.users(of: status, on: machine)
    if users.isEmpty { users = ["another program (a virtual machine?)"] }
    return Occupation(
      refusal: .locked, sentence: "is locked by \(users.joined(separator: ", "))",
      hint: "stop what uses it first", isForceable: true)
  }

  /// A program that has a regular file open for writing without locking it, as many virtual
  /// machine monitors do. Asked of an image that is only open to read.
  static func writer(of image: borrowing OpenedImage, on machine: Machine) -> Occupation? {
    if image.kind == .device { return nil }
    let file = image.descriptor.number
    var patience = machine.patienceMilliseconds
    while true {
      do throws(SystemError) {
        try image.descriptor.calls.requireNoWriter(file)
        return nil
      } catch let error where error.number == EAGAIN && patience > 0 {
        // A program that is just being started holds a copy of what its parent closed.
        patience -= ImageLock.pause()
      } catch let error where error.number == EAGAIN {
        break
      } catch {
        return nil
      }
    }
    let users = ProcessTable.users(of: image.status, onlyWriters: true, on: machine)
    return Occupation(
      refusal: .held,
      sentence: "is open for writing in "
        + (users.isEmpty ? "another program" : users.joined(separator: ", ")),
      hint: "stop what uses it first", isForceable: true)
  }

  /// Everything that uses an open image. `writer` is said when there is no better reason.
  static func all(
    of image: borrowing OpenedImage, device: BlockDevice, writer: Occupation?,
    on machine: Machine
  ) -> [Occupation] {
    var found =
      image.kind == .device
      ? all(of: device, on: machine) : all(ofFile: image.status, on: machine)
    if let lock = lock(on: image.descriptor, status: image.status, on: machine) {
      found.append(lock)
    }
    if found.isEmpty, let writer { found.append(writer) }
    return found
  }

  /// The refusal of a target.
  func error(for name: String) -> StorageError {
    StorageError(
      .refused(refusal), object: name, sentence: sentence,
      hint: isForceable ? hint + ", or insist with --force" : hint)
  }

  /// What is said about a source, and about a target where it was insisted.
  var note: String { isWriter ? sentence + ": it may change during the run" : sentence }
}
