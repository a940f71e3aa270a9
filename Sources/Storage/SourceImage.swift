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
package final class SourceImage: ReadableImage {
  package let name: String
  package let byteCount: UInt64
  package let kind: ImageKind
  /// As it was when it was opened.
  package let identity: ImageIdentity
  /// What the user should know: it is mounted, or another program has it locked.
  package let notes: [String]
  private let descriptor: Descriptor

  private init(
    _ image: consuming OpenedImage, name: String, byteCount: UInt64, identity: ImageIdentity,
    notes: [String]
  ) {
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
    let calls = machine.calls
    switch try OpenedImage.look(at: checked, within: policy, calls: calls) {
    case .missing:
      throw StorageError.opening(path, SystemError(number: ENOENT))
    case .directory:
      throw StorageError(
        .unsuitable, object: path, sentence: "is a directory", hint: "name an image in it")
    case .image(let seen, let kind):
      let image = try OpenedImage.open(
        checked, seen: seen, kind: kind, flags: O_RDONLY, within: policy, calls: calls)
      let byteCount = try image.byteCount(named: path)
      let identity = ImageIdentity(image.status, kind: kind, byteCount: byteCount)
      if kind == .device { try? calls.deviceFlush(image.descriptor.number) }
      try? calls.advise(image.descriptor.number, 0..<0, POSIX_FADV_SEQUENTIAL)
      return SourceImage(
        image, name: path, byteCount: byteCount, identity: identity, notes: [])
    }
  }

  @unsafe package func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64)
    throws(StorageError)
  {
    try StorageError.requireInside(byteCount, offset, count: bytes.count, of: name, "read")
    try unsafe descriptor.readExactly(into: bytes, at: offset, of: name)
  }

  package func extent(at offset: UInt64) throws(StorageError) -> Extent {
    try StorageError.requireInside(byteCount, offset, count: 1, of: name, "look for holes")
    if kind == .device { return Extent(range: offset..<byteCount, isHole: false) }
    return try descriptor.extent(at: offset, limit: byteCount, of: name)
  }

  /// As it is now. A source that was written during the run has another one at its end, if it
  /// is a file; a device does not tell.
  package func currentIdentity() throws(StorageError) -> ImageIdentity {
    let status = try descriptor.status(of: name)
    let current = try currentByteCount(status)
    return ImageIdentity(status, kind: kind, byteCount: current, serial: identity.serial)
  }

  private func currentByteCount(_ status: stat) throws(StorageError) -> UInt64 {
    if kind == .file { return UInt64(status.st_size) }
    do throws(SystemError) {
      return try descriptor.calls.deviceByteCount(descriptor.number)
    } catch {
      throw StorageError(.system(error.number), object: name, operation: "ask for its size")
    }
  }
}
