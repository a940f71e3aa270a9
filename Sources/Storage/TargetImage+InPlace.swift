// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A target that exists: a file or a device, which is changed in place. All that could make this
/// a mistake is asked before it is opened for writing, and whatever can change is asked again
/// when it is ours.
extension TargetImage {
  static func openInPlace(
    _ path: ImagePath, _ seen: stat, _ kind: ImageKind, _ request: TargetRequest,
    _ policy: PathPolicy, _ machine: Machine
  ) throws(StorageError) -> TargetImage {
    let name = path.text
    let found = try occupy(path, seen, kind, request, policy, machine)
    var notes = found.notes
    let present = try found.image.byteCount(named: name)
    found.image.dropDeviceCache()
    let linkCount = found.image.status.st_nlink
    if kind == .file && linkCount > 1 {
      notes.append("\(name): has \(linkCount) names, and is changed under all of them")
    }
    let size = try SizeAgreement.of(request, target: present, kind: kind, name: name)
    let key = ImageKey.of(found.image, device: found.device, on: machine)
    let mark = UnfinishedMark(key, on: machine)
    let block = kind == .device ? found.image.logicalBlock : 1
    let parts = Parts(
      name: name, kind: kind, descriptor: found.image.descriptor, place: .none(machine.calls),
      isNew: false, presentByteCount: present, size: size, wasUnfinished: mark?.exists ?? false,
      deviceBlock: block, mark: mark, key: key, notes: notes)
    return TargetImage(parts, request: request, machine: machine)
  }

  /// A target that exists and is ours.
  struct Occupied: ~Copyable {
    let image: OpenedImage
    let device: BlockDevice
    let notes: [String]
  }

  /// Opens what exists after all questions, and locks it.
  static func occupy(
    _ path: ImagePath, _ seen: stat, _ kind: ImageKind, _ request: TargetRequest,
    _ policy: PathPolicy, _ machine: Machine
  ) throws(StorageError) -> Occupied {
    let device = BlockDevice(DeviceNumber(UInt64(seen.st_rdev)), on: machine)
    let serial = kind == .device ? device.serial : ""
    let name = path.text
    let identity = ImageIdentity(seen, kind: kind, byteCount: 0, serial: serial)
    if let source = request.sourceIdentity,
      let sentence = SharedStorage.sentence(source: source, target: identity, on: machine)
    {
      throw StorageError(.refused(.sameImage), object: name, sentence: sentence)
    }
    if kind == .device {
      // Now, because the kernel's answer to an exclusive open does not say who.
      _ = try permit(Occupation.all(of: device, on: machine), name, request)
      if device.isReadOnly {
        throw StorageError(
          .refused(.readOnly), object: name, sentence: "is a read-only device",
          hint: "blockdev --setrw \(name), if that is what you want")
      }
    }
    let writer = try writer(path, seen, kind, policy, machine)
    let image = try openImage(path, seen, kind, request, policy, machine)
    var notes: [String] = []
    if !request.isDryRun {
      notes += try ImageLock.take(image.descriptor, of: name, on: machine)
      ImageLock.warnOthers(image.descriptor, mayRead: request.isAtomic)
    }
    notes += try permit(
      Occupation.all(of: image, device: device, writer: writer, on: machine), name, request)
    return Occupied(image: image, device: device, notes: notes)
  }

  /// Before we write it ourselves, so that we are not found.
  private static func writer(
    _ path: ImagePath, _ seen: stat, _ kind: ImageKind, _ policy: PathPolicy, _ machine: Machine
  ) throws(StorageError) -> Occupation? {
    if kind == .device { return nil }
    let image = try OpenedImage.open(
      path, seen: seen, kind: kind, flags: O_RDONLY, within: policy, calls: machine.calls)
    return Occupation.writer(of: image, on: machine)
  }

  /// Refuses, or says in notes what was insisted on.
  private static func permit(
    _ occupations: [Occupation], _ name: String, _ request: TargetRequest
  ) throws(StorageError) -> [String] {
    let forbidding = occupations.first { !$0.isForceable || !request.isForced }
    if let forbidding { throw forbidding.error(for: name) }
    return occupations.map { "\(name): \($0.note)" }
  }

  /// A device is opened exclusively: the kernel itself then says no when it is mounted, swapped
  /// to or built on, also where we cannot see by whom. A file that is to be replaced must be one
  /// that could be written, but others need not take us for a writer.
  private static func openImage(
    _ path: ImagePath, _ seen: stat, _ kind: ImageKind, _ request: TargetRequest,
    _ policy: PathPolicy, _ machine: Machine
  ) throws(StorageError) -> OpenedImage {
    let access = request.isDryRun ? O_RDONLY : kind == .device ? O_RDWR | O_EXCL : O_RDWR
    let image = try openImage(path, seen, kind, access, policy, machine)
    guard request.isAtomic else { return image }
    return try openImage(path, seen, kind, O_RDONLY, policy, machine)
  }

  private static func openImage(
    _ path: ImagePath, _ seen: stat, _ kind: ImageKind, _ access: Int32, _ policy: PathPolicy,
    _ machine: Machine
  ) throws(StorageError) -> OpenedImage {
    do throws(StorageError) {
      var patience = machine.patienceMilliseconds
      while true {
        do throws(StorageError) {
          return try OpenedImage.open(
            path, seen: seen, kind: kind, flags: access, within: policy, calls: machine.calls)
        } catch let error where error.errorNumber == EBUSY && patience > 0 {
          patience -= ImageLock.pause()
        }
      }
    } catch let error where error.errorNumber == EBUSY {
      let users = ProcessTable.users(of: seen, on: machine)
      throw StorageError(
        .refused(.held), object: path.text,
        sentence: users.isEmpty
          ? "is held by the kernel or by another program"
          : "is in use by \(users.joined(separator: ", "))",
        hint: "it may be mounted in a container, or another run may be writing it")
    } catch let error where error.errorNumber == ETXTBSY {
      throw StorageError(
        .refused(.held), object: path.text, sentence: "is in use by the kernel or being executed")
    }
  }
}
