// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A file that its updated clone is going to replace (`--atomic`): held open and locked, so that no
/// other run writes to it meanwhile, and read by whoever wants to.
///
/// It gives the clone its content, and at the end what else belongs to a file: owner, permissions,
/// extended attributes. It is itself never changed.
///
/// ## Concurrency
/// Everything is constant; its methods may be called from any thread.
final class Original: Sendable {
  /// As the user wrote it.
  let name: String
  let key: ImageKey
  private let descriptor: Descriptor
  private let deviceNumber: UInt64
  private let inode: UInt64

  init(_ image: consuming OpenedImage, key: ImageKey, name: String) {
    self.name = name
    self.key = key
    deviceNumber = UInt64(image.status.st_dev)
    inode = UInt64(image.status.st_ino)
    descriptor = image.descriptor
  }

  func isSameFile(as status: stat) -> Bool {
    UInt64(status.st_dev) == deviceNumber && UInt64(status.st_ino) == inode
  }

  func status() throws(StorageError) -> stat { try descriptor.status(of: name) }

  /// No name leads to it any more.
  var isGone: Bool { (try? status().st_nlink) == 0 }

  func release() { ImageLock.release(descriptor) }

  /// Another descriptor of the same open file.
  func duplicate() throws(StorageError) -> Descriptor {
    do throws(SystemError) {
      return try descriptor.calls.duplicate(descriptor.number)
    } catch {
      throw StorageError(.system(error.number), object: name, operation: "open")
    }
  }
}

// MARK: - Content

extension Original {
  /// Whether a part file is to be taken up: the clone was whole, and nobody has written to the
  /// original since something was written to the part. Every page of it is compared anyway;
  /// this only decides which of the two is likely to need less.
  func isOlder(than part: stat, byteCount: UInt64) throws(StorageError) -> Bool {
    let status = try status()
    let (ours, theirs) = (status.st_mtim, part.st_mtim)
    return UInt64(part.st_size) >= min(UInt64(status.st_size), byteCount)
      && (theirs.tv_sec, theirs.tv_nsec) >= (ours.tv_sec, ours.tv_nsec)
  }

  /// Makes `file` hold what this one holds, by sharing its blocks.
  func clone(to file: borrowing Descriptor) throws(StorageError) {
    let calls = descriptor.calls
    let status = try status()
    do throws(SystemError) {
      try matchCopying(of: file)
      try calls.clone(descriptor.number, to: file.number)
      if try calls.status(file.number).st_size > status.st_size {
        try calls.truncate(file.number, to: UInt64(status.st_size))
      }
    } catch {
      throw refusal(error)
    }
  }

  /// For a dry run: tries it with a file that has no name, and goes at once.
  func requireClonable(in directory: borrowing Descriptor) throws(StorageError) {
    guard
      let file = try? directory.calls.open(
        ".", in: directory.number, flags: O_RDWR | linux_O_TMPFILE, mode: 0o600)
    else { return }
    try clone(to: file)
  }

  /// btrfs shares no blocks between files of which only one has checksums (`chattr +C`).
  private func matchCopying(of file: borrowing Descriptor) throws(SystemError) {
    let calls = descriptor.calls
    guard let ours = try? calls.isWithoutCopies(descriptor.number),
      let theirs = try? calls.isWithoutCopies(file.number), ours != theirs
    else { return }
    try calls.truncate(file.number, to: 0)
    try calls.setWithoutCopies(file.number, to: ours)
  }

  private func refusal(_ error: SystemError) -> StorageError {
    switch error.number {
    case ENOSPC, EDQUOT, EIO, EROFS: return .writing(name, "clone", error)
    default:
      return StorageError(
        .refused(.irreplaceable), object: name,
        sentence: "cannot be cloned where it is, and so not be replaced as a whole: \(error.text)",
        hint: "XFS and btrfs can clone files; without --atomic it is updated in place")
    }
  }
}

// MARK: - What else belongs to a file

extension Original {
  /// Asked before anything is sent: not everybody may give files away.
  func giveOwner(to file: borrowing Descriptor) throws(StorageError) {
    let status = try status()
    let present = try file.status(of: name)
    if present.st_uid == status.st_uid && present.st_gid == status.st_gid { return }
    do throws(SystemError) {
      try file.calls.changeOwner(file.number, to: status.st_uid, status.st_gid)
    } catch {
      throw StorageError(
        .refused(.irreplaceable), object: name,
        sentence: "belongs to user \(status.st_uid) and group \(status.st_gid), "
          + "and a new file in its place would not: \(error.text)",
        hint: "run it with sudo; without --atomic it is updated in place")
    }
  }

  /// Gives owner, attributes and permissions; what cannot be given comes back as sentences.
  func giveAll(to file: borrowing Descriptor) throws(StorageError) -> [String] {
    try giveOwner(to: file)
    var notes: [String] = []
    let lost = giveAttributes(to: file)
    if !lost.isEmpty {
      notes.append(
        "these attributes of the old file are not kept: \(lost.sorted().joined(separator: ", "))")
    }
    // Last, because changing owner or access list changes permissions too.
    let mode = UInt32(try status().st_mode) & 0o7777
    if (try? file.calls.changeMode(file.number, to: mode)) == nil {
      notes.append("its permissions cannot be set here")
    }
    return notes
  }

  /// Extended attributes, the access control list among them. Gives the names of those that could
  /// not be set.
  private func giveAttributes(to file: borrowing Descriptor) -> [String] {
    let calls = descriptor.calls
    guard let names = try? calls.attributeNames(of: descriptor.number) else { return [] }
    var lost: [String] = []
    for name in names {
      do throws(SystemError) {
        let value = try calls.attribute(name, of: descriptor.number)
        if (try? calls.attribute(name, of: file.number)) == value { continue }
        try calls.setAttribute(name, to: value, of: file.number)
      } catch {
        lost.append(name)
      }
    }
    // What a new file inherits from its directory the old one need not have.
    for name in (try? calls.attributeNames(of: file.number)) ?? [] where !names.contains(name) {
      try? calls.removeAttribute(name, of: file.number)
    }
    return lost
  }
}
