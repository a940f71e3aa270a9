// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The sentences and hints for what goes wrong before the first byte.
extension StorageError {
  static func opening(
    _ path: String, _ error: SystemError, isRestricted: Bool = false
  ) -> StorageError {
    if isRestricted, error.number == EXDEV || error.number == ELOOP { return outside(path) }
    return StorageError(
      .system(error.number), object: path, operation: "open", hint: openingHint(error.number))
  }

  static func openingDirectory(
    of path: ImagePath, _ error: SystemError, isRestricted: Bool
  ) -> StorageError {
    if isRestricted, error.number == EXDEV || error.number == ELOOP { return outside(path.text) }
    return StorageError(
      .system(error.number), object: path.text, operation: "open its directory",
      hint: error.number == ENOENT
        ? "make the directory first: \(path.directory)" : openingHint(error.number))
  }

  private static func outside(_ path: String) -> StorageError {
    StorageError(
      .refused(.outsidePolicy), object: path,
      sentence: "is not among the paths that this machine lets you touch")
  }

  private static func openingHint(_ number: Int32) -> String? {
    switch number {
    case EACCES, EPERM: "check the permissions, or run it with sudo"
    case ENOENT: "check the spelling"
    case ENOTDIR: "something before a slash in it is no directory"
    case EROFS: "the file system is mounted read-only"
    case ENAMETOOLONG: "a name may have 255 bytes, a path 4095"
    case ENXIO, ENODEV: "the device is not there; is it attached?"
    case ENOMEDIUM: "the drive is empty"
    case ELOOP: "a symbolic link leads back to itself"
    case ENOSYS: "restricted paths need Linux 5.6 or newer"
    case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
    default: nil
    }
  }
}
