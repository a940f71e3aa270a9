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

  /// Opens and locks the part file in `directory`, making it when it is not there.
  static func open(
    _ name: String, in directory: borrowing Descriptor, of image: String,
    on machine: Machine, _ notes: inout [String]
  ) throws(StorageError) -> Descriptor {
    let calls = directory.calls
    for _ in 0..<maximumAttemptCount {
      let file: Descriptor
      do throws(SystemError) {
        file = try calls.open(
          name, in: directory.number,
          flags: O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode: 0o600)
      } catch {
        throw failure(error, name, image)
      }
      try requireOwn(try file.status(of: image), name, image)
      let lockNotes = try ImageLock.take(file, of: image, kind: .file, on: machine)
      // Between opening and locking another run may have finished and renamed it.
      if let now = try? calls.status(name, in: directory.number),
        now.st_ino == (try file.status(of: image)).st_ino
      {
        notes += lockNotes
        return file
      }
    }
    throw StorageError(
      .refused(.locked), object: image, sentence: "other runs keep finishing it; run it again")
  }

  /// For a dry run: what a rerun would find, without locking or making anything.
  static func openToRead(
    _ name: String, in directory: borrowing Descriptor, of image: String
  ) throws(StorageError) -> Descriptor? {
    let file: Descriptor
    do throws(SystemError) {
      file = try directory.calls.open(
        name, in: directory.number, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
    } catch let error where error.number == ENOENT {
      return nil
    } catch {
      throw failure(error, name, image)
    }
    try requireOwn(try file.status(of: image), name, image)
    return file
  }

  private static let maximumAttemptCount = 8

  private static func requireOwn(_ status: stat, _ name: String, _ image: String)
    throws(StorageError)
  {
    let what: String
    if status.st_mode & S_IFMT != S_IFREG {
      what = "is no regular file"
    } else if status.st_uid != geteuid() {
      what = "belongs to another user"
    } else if status.st_nlink != 1 {
      what = "has a second name"
    } else {
      return
    }
    throw planted(name, image, what)
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
