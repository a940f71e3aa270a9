// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// From a path to an image that may safely be written.
extension TargetImage {
  package static func open(
    _ request: TargetRequest, within policy: PathPolicy, on machine: Machine = .here
  ) throws(StorageError) -> TargetImage {
    var path = try ImagePath(request.path)
    try policy.requireWriting(path)
    var finding = try OpenedImage.look(at: path, within: policy, calls: machine.calls)
    if case .directory = finding {
      path = try ImagePath(directory: request.path, name: request.suggestedName)
      finding = try OpenedImage.look(at: path, within: policy, calls: machine.calls)
    }
    switch finding {
    case .directory:
      throw StorageError(
        .unsuitable, object: path.text, sentence: "is a directory", hint: "name the target file")
    case .missing:
      return try openNew(path, request, policy, machine)
    case .image(let status, let kind):
      return try openExisting(path, status, kind, request, policy, machine)
    }
  }

  private static func openNew(
    _ path: ImagePath, _ request: TargetRequest, _ policy: PathPolicy, _ machine: Machine
  ) throws(StorageError) -> TargetImage {
    if path.hasTrailingSlash {
      throw StorageError(
        .unsuitable, object: path.text, sentence: "there is no such directory",
        hint: "make it first, or leave the slash at the end away")
    }
    let calls = machine.calls
    let directory = try policy.openDirectory(of: path, calls: calls)
    if (try? calls.status(path.name, in: directory.number)) != nil {
      throw StorageError(
        .unsuitable, object: path.text, sentence: "is a symbolic link to nothing",
        hint: "remove the link, or make what it leads to")
    }
    let size = try SizeAgreement(
      request.sizePolicy, source: request.sourceByteCount, target: nil, kind: .file,
      name: path.text)
    let partName = PartFile.name(for: path.name)
    let existed = (try? calls.status(partName, in: directory.number)) != nil
    let file: Descriptor
    if request.isDryRun {
      file =
        try PartFile.openToRead(partName, in: directory, of: path.text)
        ?? Descriptor(-1, calls: calls)
    } else {
      file = try PartFile.open(partName, in: directory, of: path.text)
    }
    let present = file.number < 0 ? 0 : UInt64(try file.status(of: path.text).st_size)
    let place = Place(
      directory: directory, partName: partName, finalName: path.name, isCreatedHere: !existed)
    let parts = Parts(
      name: path.text, kind: .file, descriptor: file, place: place, isNew: true,
      presentByteCount: present, size: size, wasUnfinished: present > 0, mark: nil, notes: [])
    return TargetImage(parts, request: request, machine: machine)
  }

  private static func openExisting(
    _ path: ImagePath, _ seen: stat, _ kind: ImageKind, _ request: TargetRequest,
    _ policy: PathPolicy, _ machine: Machine
  ) throws(StorageError) -> TargetImage {
    let exclusive = kind == .device && !request.isDryRun ? O_EXCL : 0
    let image = try OpenedImage.open(
      path, seen: seen, kind: kind, flags: (request.isDryRun ? O_RDONLY : O_RDWR) | exclusive,
      within: policy, calls: machine.calls)
    let present = try image.byteCount(named: path.text)
    let identity = ImageIdentity(image.status, kind: kind, byteCount: present)
    if let source = request.sourceIdentity, source.isSameImage(as: identity) {
      throw StorageError(
        .refused(.sameImage), object: path.text, sentence: "is the source itself")
    }
    if !request.isDryRun { try ImageLock.take(image.descriptor, of: path.text) }
    let size = try SizeAgreement(
      request.sizePolicy, source: request.sourceByteCount, target: present, kind: kind,
      name: path.text)
    let mark =
      kind == .file
      ? UnfinishedMark(forFile: image.descriptor, status: image.status, on: machine)
      : UnfinishedMark(
        forDevice: identity.serial, number: identity.deviceNumber, on: machine)
    let place = Place(
      directory: Descriptor(-1, calls: machine.calls), partName: "", finalName: "",
      isCreatedHere: false)
    let parts = Parts(
      name: path.text, kind: kind, descriptor: image.descriptor, place: place, isNew: false,
      presentByteCount: present, size: size, wasUnfinished: mark?.exists ?? false, mark: mark,
      notes: [])
    return TargetImage(parts, request: request, machine: machine)
  }
}
