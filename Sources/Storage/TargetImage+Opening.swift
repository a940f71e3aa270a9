// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// From a path to a target: which of the two kinds of target it is, and how a new one is made.
extension TargetImage {
  package static func open(
    _ request: TargetRequest, within policy: PathPolicy, on machine: Machine = .here
  ) throws(StorageError) -> TargetImage {
    Self.askForErrorsNotSignals
    var path = try ImagePath(request.path)
    try policy.requireWriting(path)
    var finding = try OpenedImage.look(at: path, within: policy, calls: machine.calls)
    if case .directory = finding {
      path = try ImagePath(directory: request.path, name: request.suggestedName)
      finding = try OpenedImage.look(at: path, within: policy, calls: machine.calls)
    }
    if case .missing = finding, request.appearsAtOnce, !PartFile.isName(path.name) {
      try makeEmpty(path, request, policy, machine)
      finding = try OpenedImage.look(at: path, within: policy, calls: machine.calls)
    }
    if PartFile.isName(path.name) {
      throw StorageError(
        .refused(.partFile), object: path.text, sentence: "is the name of a part file",
        hint: "choose another name")
    }
    switch finding {
    case .directory:
      throw StorageError(
        .unsuitable, object: path.text, sentence: "is a directory", hint: "name the target file")
    case .missing:
      return try openNew(path, request, policy, machine)
    case .image(let status, let kind):
      return request.isAtomic
        ? try openClone(path, status, kind, request, policy, machine)
        : try openInPlace(path, status, kind, request, policy, machine)
    }
  }

  /// A write past the limit of file sizes (ulimit -f) ends the process, unless the signal is
  /// ignored: then it is EFBIG, and has a sentence. Once for the process.
  private static let askForErrorsNotSignals: Void = {
    signal(SIGXFSZ, SIG_IGN)
  }()

  /// Whether this is /dev, or below it without being another file system: /dev/shm is one.
  private static func isWhereDevicesAre(_ directory: borrowing Descriptor) -> Bool {
    guard let here = try? directory.calls.status(directory.number),
      let devices = KernelFiles.status("/dev"), let root = KernelFiles.status("/")
    else { return false }
    return here.st_dev == devices.st_dev && devices.st_dev != root.st_dev
  }

  /// A file of zeros under its final name. From its first write on it is marked as unfinished.
  private static func makeEmpty(
    _ path: ImagePath, _ request: TargetRequest, _ policy: PathPolicy, _ machine: Machine
  ) throws(StorageError) {
    let directory = try policy.openDirectory(of: path, calls: machine.calls)
    // Where nothing may be made, opening it anew says why.
    if path.hasTrailingSlash || isWhereDevicesAre(directory) { return }
    do throws(SystemError) {
      let file = try machine.calls.open(
        path.name, in: directory.number, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
        mode: 0o666)
      try machine.calls.truncate(file.number, to: request.sourceByteCount)
    } catch {
      throw .writing(path.text, "make", error)
    }
  }

  private static func openNew(
    _ path: ImagePath, _ request: TargetRequest, _ policy: PathPolicy, _ machine: Machine
  ) throws(StorageError) -> TargetImage {
    let calls = machine.calls
    if path.hasTrailingSlash {
      throw StorageError(
        .unsuitable, object: path.text, sentence: "there is no such directory",
        hint: "make it first, or leave the slash at the end away")
    }
    let directory = try policy.openDirectory(of: path, calls: calls)
    if isWhereDevicesAre(directory) {
      throw StorageError(
        .refused(.noDevice), object: path.text, sentence: "there is no such device",
        hint: "make the volume first; a file in its place would be in memory only")
    }
    // Following the path led nowhere, and still there is something of this name.
    if (try? calls.status(path.name, in: directory.number)) != nil {
      throw StorageError(
        .unsuitable, object: path.text, sentence: "is a symbolic link to nothing",
        hint: "remove the link, or make what it leads to")
    }
    let partName = PartFile.name(for: path.name)
    let part =
      request.isDryRun
      ? PartFile.Opened(
        descriptor: try PartFile.openToRead(partName, in: directory, of: path.text)
          ?? Descriptor(-1, calls: calls), isCreated: false, notes: [])
      : try PartFile.open(partName, in: directory, of: path.text, on: machine)
    let hasPart = part.descriptor.number >= 0
    let present = hasPart ? UInt64(try part.descriptor.status(of: path.text).st_size) : 0
    let size = try SizeAgreement.of(request, target: nil, kind: .file, name: path.text)
    let notes = part.notes
    let place = Place(
      directory: directory, partName: partName, finalName: path.name,
      isCreatedHere: part.isCreated)
    let parts = Parts(
      name: path.text, kind: .file, descriptor: part.descriptor, place: place, isNew: true,
      presentByteCount: present, size: size, wasUnfinished: present > 0, notes: notes)
    return TargetImage(parts, request: request, machine: machine)
  }
}
