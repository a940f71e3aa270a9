// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A target file that exists and is not changed: its clone is, as a part file beside it, and takes
/// its place when it is complete (`--atomic`).
///
/// Until then the old file is what it was, for whoever has it open and after every interruption,
/// and is not marked as unfinished. Both are locked meanwhile.
extension TargetImage {
  static func openClone(
    _ path: ImagePath, _ seen: stat, _ kind: ImageKind, _ request: TargetRequest,
    _ policy: PathPolicy, _ machine: Machine
  ) throws(StorageError) -> TargetImage {
    let name = path.text
    if kind == .device {
      throw StorageError(
        .refused(.irreplaceable), object: name,
        sentence: "is a device, which cannot be replaced as a whole",
        hint: "without --atomic it is updated in place")
    }
    let found = try occupy(path, seen, kind, request, policy, machine)
    let home = try Home(of: path, found.image, within: policy, on: machine)
    var notes = found.notes
    let linkCount = found.image.status.st_nlink
    if linkCount > 1 {
      notes.append("\(name): has \(linkCount) names; under the others it stays as it is")
    }
    let present = try found.image.byteCount(named: name)
    let size = try SizeAgreement.of(request, target: present, kind: kind, name: name)
    let key = ImageKey(forFile: found.image.descriptor, status: found.image.status)
    let mark = UnfinishedMark(key, on: machine)
    let original = Original(found.image, key: key, name: name)
    let (partName, finalName) = (home.partName, home.name)
    let part = try openPart(of: original, in: home, size, request, machine)
    let (isCreated, isTakenUp, byteCount) = (part.isCreated, part.isTakenUp, part.byteCount)
    notes += part.notes
    let place =
      request.isDryRun
      ? Place.none(machine.calls)
      : Place(
        directory: home.directory, partName: partName, finalName: finalName,
        isCreatedHere: isCreated, original: original, isFreshClone: !isTakenUp)
    let parts = Parts(
      name: name, kind: .file, descriptor: part.descriptor, place: place, isNew: false,
      presentByteCount: byteCount, size: size,
      wasUnfinished: isTakenUp || mark?.exists == true, mark: mark, notes: notes)
    return TargetImage(parts, request: request, machine: machine)
  }

  /// The file that will be the new one.
  private struct Part: ~Copyable {
    let descriptor: Descriptor
    let byteCount: UInt64
    let isCreated: Bool
    /// An earlier run began with it.
    let isTakenUp: Bool
    let notes: [String]
  }

  private static func openPart(
    of original: Original, in home: borrowing Home, _ size: SizeAgreement,
    _ request: TargetRequest, _ machine: Machine
  ) throws(StorageError) -> Part {
    if request.isDryRun { return try lookAtPart(of: original, in: home, size, request) }
    let owner = try original.status().st_uid
    let part = try PartFile.open(
      home.partName, in: home.directory, of: original.name, ownedToo: owner, on: machine)
    let (isCreated, notes) = (part.isCreated, part.notes)
    do throws(StorageError) {
      ImageLock.warnOthers(part.descriptor)
      let before = try part.descriptor.status(of: original.name)
      var isTakenUp = false
      if !isCreated && request.goesOn {
        isTakenUp = try original.isOlder(than: before, byteCount: size.byteCount)
      }
      if !isTakenUp { try original.clone(to: part.descriptor) }
      try original.giveOwner(to: part.descriptor)
      let byteCount = UInt64(try part.descriptor.status(of: original.name).st_size)
      return Part(
        descriptor: part.descriptor, byteCount: byteCount, isCreated: isCreated,
        isTakenUp: isTakenUp, notes: notes)
    } catch {
      if isCreated {
        try? machine.calls.unlink(home.partName, in: home.directory.number)
      }
      throw error
    }
  }

  /// What a run would begin with, and whether it could: nothing is made.
  private static func lookAtPart(
    of original: Original, in home: borrowing Home, _ size: SizeAgreement,
    _ request: TargetRequest
  ) throws(StorageError) -> Part {
    if request.goesOn,
      let part = try PartFile.openToRead(home.partName, in: home.directory, of: original.name)
    {
      let status = try part.status(of: original.name)
      if try original.isOlder(than: status, byteCount: size.byteCount) {
        return Part(
          descriptor: part, byteCount: UInt64(status.st_size), isCreated: false, isTakenUp: true,
          notes: [])
      }
    }
    try original.requireClonable(in: home.directory)
    return Part(
      descriptor: try original.duplicate(), byteCount: UInt64(try original.status().st_size),
      isCreated: false, isTakenUp: false, notes: [])
  }

  /// The directory and the name in it that lead to a file without a symbolic link: what a rename
  /// replaces.
  private struct Home: ~Copyable {
    let directory: Descriptor
    let name: String

    var partName: String { PartFile.name(for: name) }

    init(
      of path: ImagePath, _ image: borrowing OpenedImage, within policy: PathPolicy,
      on machine: Machine
    ) throws(StorageError) {
      let link = "\(machine.processRoot)/self/fd/\(image.descriptor.number)"
      var path = path
      var home = try policy.openDirectory(of: path, calls: machine.calls)
      if Self.isLink(path.name, home) {
        guard let resolved = KernelFiles.resolved(link), let real = try? ImagePath(resolved),
          let other = try? policy.openDirectory(of: real, calls: machine.calls)
        else {
          throw StorageError(
            .refused(.irreplaceable), object: path.text,
            sentence: "is a symbolic link, and what it leads to cannot be replaced from here",
            hint: "name the file that it leads to")
        }
        home = other
        path = real
      }
      guard let found = try? home.calls.status(path.name, in: home.number),
        found.st_dev == image.status.st_dev, found.st_ino == image.status.st_ino
      else {
        throw StorageError(
          .unsuitable, object: path.text, operation: "open",
          sentence: "was replaced by something else at this moment", hint: "run it again")
      }
      directory = home
      name = path.name
    }

    private static func isLink(_ name: String, _ directory: borrowing Descriptor) -> Bool {
      guard let status = try? directory.calls.status(name, in: directory.number) else {
        return false
      }
      return status.st_mode & S_IFMT == S_IFLNK
    }
  }
}

// MARK: - The end

extension TargetImage {
  /// Puts the clone in the place of the old file, unless that is another one by now.
  func replace(_ original: Original) throws(StorageError) {
    let calls = descriptor.calls
    if let now = try? calls.status(place.finalName, in: place.directory.number),
      !original.isSameFile(as: now)
    {
      throw StorageError(
        .refused(.irreplaceable), object: name,
        sentence: "was replaced by something else during the run",
        hint: "the whole copy is in \(place.partName)")
    }
    do throws(SystemError) {
      try calls.rename(
        place.partName, to: place.finalName, in: place.directory.number, replacing: true)
    } catch {
      throw StorageError(.system(error.number), object: name, operation: "rename")
    }
  }

  /// Takes what is remembered of the old file over to its clone, which holds the same.
  func carryManifest(_ manifest: ManifestPlace) {
    guard let original = place.original, place.isFreshClone else { return }
    Manifest.carry(
      manifest, from: original.key, to: key, on: machine,
      old: { () throws(StorageError) in
        ImageIdentity(try original.status(), kind: .file, byteCount: byteCount)
      },
      clone: { () throws(StorageError) in
        // What is proved of the clone must be on stable storage, as it was of the old file.
        try synchronize()
        return try settledIdentity()
      })
  }
}
