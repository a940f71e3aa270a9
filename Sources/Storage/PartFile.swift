// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// The file under which a new image grows, beside the name that it takes when it is complete.
///
/// A rerun takes up what is there, so it must be nothing that somebody else planted: no symbolic
/// link is followed, and only a regular file of our own, with one name, is taken.
struct PartFile {
  static let suffix = ".blkmove-part"

  /// `disk.img` grows as `.disk.img.blkmove-part`. A name that would become too long loses its
  /// end, and is told from others that begin like it by a sum of the whole.
  static func name(for finalName: String) -> String {
    let name = "." + finalName + suffix
    if name.utf8.count <= ImagePath.maximumNameByteCount { return name }
    var sum: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in finalName.utf8 { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let ending = "~" + String(sum, radix: 16) + suffix
    var kept = finalName
    while 1 + kept.utf8.count + ending.utf8.count > ImagePath.maximumNameByteCount {
      kept.removeLast()
    }
    return "." + kept + ending
  }

  static func isName(_ name: String) -> Bool { name.hasPrefix(".") && name.hasSuffix(suffix) }

  /// A part file that is locked and ours.
  struct Opened: ~Copyable {
    let descriptor: Descriptor
    /// It was not there before.
    let isCreated: Bool
    let notes: [String]
  }

  /// Opens and locks the part file in `directory`, making it when it is not there. It may also
  /// belong to the user `other`, whose file it is going to be.
  static func open(
    _ name: String, in directory: borrowing Descriptor, of image: String,
    ownedToo other: UInt32? = nil, on machine: Machine
  ) throws(StorageError) -> Opened {
    for _ in 0..<maximumAttemptCount {
      let found = try? directory.calls.status(name, in: directory.number)
      if let found {
        try requireRegular(found, name, image)
        if found.st_uid != other { try requireOwn(found, name, directory, image) }
      }
      let file: Descriptor
      do throws(SystemError) {
        file = try directory.calls.open(
          name, in: directory.number,
          flags: found == nil ? O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW : O_RDWR | existingFlags,
          mode: 0o600)
      } catch let error where error.number == EEXIST || error.number == ENOENT {
        // It came or went at this moment.
        continue
      } catch {
        throw failure(error, name, image)
      }
      let status = try file.status(of: image)
      if let found, found.st_dev != status.st_dev || found.st_ino != status.st_ino { continue }
      let notes = try ImageLock.take(file, of: image, on: machine)
      // Between opening and locking another run may have finished and renamed it.
      if let now = try? directory.calls.status(name, in: directory.number),
        now.st_dev == status.st_dev, now.st_ino == status.st_ino
      {
        return Opened(descriptor: file, isCreated: found == nil, notes: notes)
      }
    }
    throw StorageError(
      .refused(.locked), object: image, sentence: "other runs keep changing its part file",
      hint: "run it again")
  }

  /// For a dry run: what a rerun would find, without locking or making anything.
  static func openToRead(
    _ name: String, in directory: borrowing Descriptor, of image: String
  ) throws(StorageError) -> Descriptor? {
    guard let found = try? directory.calls.status(name, in: directory.number) else { return nil }
    try requireRegular(found, name, image)
    do throws(SystemError) {
      return try directory.calls.open(
        name, in: directory.number, flags: O_RDONLY | existingFlags)
    } catch {
      throw failure(error, name, image)
    }
  }

  private static let maximumAttemptCount = 8
  private static let existingFlags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY

  private static func requireRegular(_ status: stat, _ name: String, _ image: String)
    throws(StorageError)
  {
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFLNK: throw planted(name, image, "is a symbolic link")
    default: throw planted(name, image, "is no regular file")
    }
    if status.st_nlink != 1 { throw planted(name, image, "has a second name") }
  }

  private static func requireOwn(
    _ status: stat, _ name: String, _ directory: borrowing Descriptor, _ image: String
  ) throws(StorageError) {
    if status.st_uid != geteuid() && status.st_uid != ownerOfNewFiles(in: directory, like: name) {
      throw planted(name, image, "belongs to another user")
    }
  }

  /// Who owns what this process makes here: on network file systems and on those without
  /// owners that is not always its own user.
  private static func ownerOfNewFiles(in directory: borrowing Descriptor, like name: String)
    -> UInt32?
  {
    let probe = String(name.prefix(100)) + ".probe-\(getpid())"
    let calls = directory.calls
    guard
      let file = try? calls.open(
        probe, in: directory.number, flags: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
    else { return nil }
    try? calls.unlink(probe, in: directory.number)
    return (try? calls.status(file.number))?.st_uid
  }

  private static func failure(_ error: SystemError, _ name: String, _ image: String)
    -> StorageError
  {
    if error.number == ELOOP { return planted(name, image, "is a symbolic link") }
    return StorageError.creating(image, error)
  }

  private static func planted(_ name: String, _ image: String, _ what: String) -> StorageError {
    StorageError(
      .refused(.partFile), object: image,
      sentence: "its part file \(name) \(what)", hint: "look at it, and remove it if it is stale")
  }
}
