// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// An image that is only read: the source of a run, a seed, or either side of a comparison.
///
/// It promises to change nothing, and to say what may change under it. It relies on its reader
/// to compare `currentIdentity` with `identity` at the end.
///
/// ## Concurrency
/// Everything is constant after `open`; all reading is positioned, so any number of threads may
/// read at once.
package final class SourceImage: CopySource {
  package let name: String
  package let byteCount: UInt64
  package let kind: ImageKind
  /// As it was when it was opened.
  package let identity: ImageIdentity
  /// What the user should know: it is mounted, or another program has it locked.
  package let notes: [String]
  let descriptor: Descriptor
  let key: ImageKey
  let machine: Machine

  private init(
    _ image: consuming OpenedImage, key: ImageKey, name: String, byteCount: UInt64,
    identity: ImageIdentity, notes: [String], machine: Machine
  ) {
    self.key = key
    self.machine = machine
    self.name = name
    self.byteCount = byteCount
    self.kind = image.kind
    self.identity = identity
    self.notes = notes
    self.descriptor = image.descriptor
  }

  package static func open(
    _ path: String, within policy: PathPolicy, isForced: Bool, on machine: Machine = .here
  ) throws(StorageError) -> SourceImage {
    let checked = try ImagePath(path)
    try policy.requireReading(checked)
    switch try OpenedImage.look(at: checked, within: policy, calls: machine.calls) {
    case .missing:
      throw StorageError.opening(path, SystemError(number: ENOENT))
    case .directory:
      throw StorageError(
        .unsuitable, object: path, sentence: "is a directory", hint: "name an image in it")
    case .image(let seen, let kind):
      let image = try OpenedImage.open(
        checked, seen: seen, kind: kind, flags: O_RDONLY, within: policy, calls: machine.calls)
      return try open(image, checked, isForced: isForced, on: machine)
    }
  }

  private static func open(
    _ image: consuming OpenedImage, _ path: ImagePath, isForced: Bool, on machine: Machine
  ) throws(StorageError) -> SourceImage {
    let name = path.text
    let kind = image.kind
    let status = image.status
    let device = BlockDevice(DeviceNumber(UInt64(status.st_rdev)), on: machine)
    let byteCount = try image.byteCount(named: name)
    try SizeAgreement.requirePossible(byteCount, of: name)
    try requireTrueSize(byteCount, of: image, named: name)
    let key = ImageKey.of(image, device: device, on: machine)
    var notes = try requireFinished(path, key, isForced: isForced, on: machine)
    let occupations = Occupation.all(
      of: image, device: device, writer: Occupation.writer(of: image, on: machine), on: machine)
    notes += occupations.filter(\.isWriter).map { "\(name): \($0.note)" }
    prepareForReading(image, machine.calls)
    let identity = ImageIdentity(
      status, kind: kind, byteCount: byteCount, serial: kind == .device ? device.serial : "")
    return SourceImage(
      image, key: key, name: name, byteCount: byteCount, identity: identity, notes: notes,
      machine: machine)
  }

  /// The kernel's own files, as in /proc, say that they are empty.
  private static func requireTrueSize(
    _ byteCount: UInt64, of image: borrowing OpenedImage, named name: String
  ) throws(StorageError) {
    guard byteCount == 0, image.kind == .file else { return }
    let isEmpty = unsafe withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { byte in
      unsafe image.descriptor.readAll(into: byte, at: 0).byteCount == 0
    }
    if isEmpty { return }
    throw StorageError(
      .unsuitable, object: name, sentence: "says that it is empty, and is not",
      hint: "copy a file of the kernel with cat")
  }

  /// What an interrupted run left is no image, unless somebody says so.
  private static func requireFinished(
    _ path: ImagePath, _ key: ImageKey, isForced: Bool, on machine: Machine
  ) throws(StorageError) -> [String] {
    let isPart = PartFile.isName(path.name)
    let isMarked = UnfinishedMark(key, on: machine)?.exists ?? false
    if !isPart && !isMarked { return [] }
    let sentence =
      isPart
      ? "is the part file of an unfinished copy"
      : "is unfinished: a copy onto it was begun and not completed"
    if isForced { return ["\(path.text): \(sentence)"] }
    throw StorageError(
      .refused(isPart ? .partFile : .unfinished), object: path.text, sentence: sentence,
      hint: "let that copy finish first, or insist with --force")
  }

  /// Makes what is read the present state of the medium.
  private static func prepareForReading(
    _ image: borrowing OpenedImage, _ calls: SystemCalls
  ) {
    let file = image.descriptor.number
    image.dropDeviceCache()
    // ZFS has been known to show holes where there is data that it has not written yet.
    if image.kind == .file, let facts = try? calls.fileFacts(file), facts.file_system_type == zfs {
      try? calls.synchronizeData(file)
    }
    try? calls.advise(file, 0..<0, POSIX_FADV_SEQUENTIAL)
  }

  private static let zfs: UInt64 = 0x2fc1_2fc1

  @unsafe package func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64)
    throws(StorageError)
  {
    try StorageError.requireInside(byteCount, offset, count: UInt64(bytes.count), of: name, "read")
    try unsafe descriptor.readExactly(into: bytes, at: offset, of: name)
  }

  package func extent(at offset: UInt64) throws(StorageError) -> Extent {
    try StorageError.requireInside(byteCount, offset, count: 1, of: name, "look for holes")
    if kind == .device { return Extent(range: offset..<byteCount, isHole: false) }
    return try descriptor.extent(at: offset, limit: byteCount, of: name)
  }

  /// A copy onto it was begun and not completed.
  var isMarkedUnfinished: Bool { UnfinishedMark(key, on: machine)?.exists ?? false }

  /// What is remembered of it.
  package func findManifest(_ place: ManifestPlace) -> Manifest.Finding {
    Manifest.find(
      place, of: key, identity: identity, role: .source, name: name, on: machine)
  }

  /// As it is now. A source that was written during the run has another one at its end, if it
  /// is a file; a device does not tell.
  package func currentIdentity() throws(StorageError) -> ImageIdentity {
    let status = try descriptor.status(of: name)
    let current = try currentByteCount(status)
    return ImageIdentity(status, kind: kind, byteCount: current, serial: identity.serial)
  }

  private func currentByteCount(_ status: stat) throws(StorageError) -> UInt64 {
    kind == .file ? UInt64(status.st_size) : try descriptor.deviceByteCount(of: name)
  }
}
