// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What is remembered of a file is true of its clone as well.
extension Manifest {
  /// Makes the manifest of a clone from that of the file that it was made of. Where anything
  /// fails, or nothing is remembered, the clone has none, and is read.
  ///
  /// `old` is the identity of the file after it was cloned: when that is still the one that the
  /// manifest was closed with, the clone holds what it speaks of. `clone` brings the clone to
  /// stable storage, and gives its identity. A header that says so comes last, so that an
  /// interruption leaves nothing that is believed.
  static func carry(
    _ place: ManifestPlace, from key: ImageKey, to cloneKey: ImageKey, on machine: Machine,
    old: () throws(StorageError) -> ImageIdentity,
    clone: () throws(StorageError) -> ImageIdentity
  ) {
    guard let origin = path(place, of: key, on: machine),
      let path = path(place, of: cloneKey, on: machine)
    else { return }
    do throws(StorageError) {
      guard let manifest = try existing(origin, of: key, place, on: machine) else { return }
      let state = try manifest.stateOfClone(old())
      guard let state else { return }
      var header = manifest.currentHeader
      header.state = state
      header.role = .target
      header.key = cloneKey.text
      header.identity = try clone()
      if path == origin {
        // The one file that the user named, which speaks of the clone from now on.
        if state == .closed { try manifest.rewrite(header) }
      } else {
        try manifest.copy(to: path, header, on: machine)
      }
    } catch {
      if path != origin { try? machine.calls.unlink(path, in: AT_FDCWD) }
    }
  }

  /// Nil where there is none of this image, or another run has it.
  private static func existing(
    _ path: String, of key: ImageKey, _ place: ManifestPlace, on machine: Machine
  ) throws(StorageError) -> Manifest? {
    do throws(SystemError) {
      let descriptor = try machine.calls.open(
        path, in: AT_FDCWD, flags: O_RDWR | O_NOFOLLOW | O_NONBLOCK)
      guard try descriptor.calls.status(descriptor.number).st_mode & S_IFMT == S_IFREG,
        try descriptor.calls.lock(descriptor.number, LOCK_EX),
        let header = header(in: descriptor), header.key == key.text
      else { return nil }
      return Manifest(
        consume descriptor, path: path, header: header, role: .target, key: key.text)
    } catch {
      throw .writing(path, "open", error)
    }
  }

  /// What the records are worth for a clone of the image; nil when nothing.
  private func stateOfClone(_ identity: ImageIdentity) -> ManifestHeader.State? {
    let header = currentHeader
    guard header.identity.kind == identity.kind, header.identity.byteCount == identity.byteCount
    else { return nil }
    switch standing(header, identity: identity, role: .target) {
    case .whole(isProved: true): return .closed
    case .new: return nil
    case .earlier, .interrupted, .whole: return .stale
    }
  }

  /// The records first, then the header.
  private func copy(
    to path: String, _ header: ManifestHeader, on machine: Machine
  ) throws(StorageError) {
    do throws(SystemError) {
      let file = try machine.calls.open(
        path, in: AT_FDCWD, flags: O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK,
        mode: 0o600)
      guard try file.calls.lock(file.number, LOCK_EX) else { return }
      try file.calls.truncate(file.number, to: Self.byteCount(for: shape))
      try copyRecords(to: file)
      try file.calls.synchronizeData(file.number)
      try Self.put(header, in: file)
    } catch {
      throw .writing(path, "copy", error)
    }
  }

  private static let pieceByteCount = 1 << 20

  private func copyRecords(to file: borrowing Descriptor) throws(SystemError) {
    let end = Self.byteCount(for: shape)
    var bytes = [UInt8](repeating: 0, count: Self.pieceByteCount)
    var offset = UInt64(ManifestHeader.byteCount)
    while offset < end {
      let data = (try? descriptor.calls.seekData(descriptor.number, from: offset)) ?? end
      offset = max(offset, data)
      guard offset < end else { return }
      let count = Int(min(UInt64(bytes.count), end - offset))
      let start = offset
      let failure = unsafe bytes.withUnsafeMutableBytes { space -> SystemError? in
        let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: space[..<count])
        let got = unsafe descriptor.readAll(into: piece, at: start)
        if got.failure != nil || got.byteCount < count {
          return got.failure ?? SystemError(number: EIO)
        }
        return unsafe file.writeAll(UnsafeRawBufferPointer(piece), at: start).failure
      }
      if let failure { throw failure }
      offset += UInt64(count)
    }
  }

  private func rewrite(_ header: ManifestHeader) throws(StorageError) {
    do throws(SystemError) {
      try Self.put(header, in: descriptor)
    } catch {
      throw .writing(path, "write", error)
    }
  }

  private static func put(
    _ header: ManifestHeader, in file: borrowing Descriptor
  ) throws(SystemError) {
    var header = header
    header.nanoseconds = ImageIdentity.nowNanoseconds
    let failure = unsafe header.encoded().withUnsafeBytes { bytes in
      unsafe file.writeAll(bytes, at: 0).failure
    }
    if let failure { throw failure }
    try file.calls.synchronizeData(file.number)
  }
}
