// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The sentences and hints for what goes wrong while a target is made.
extension StorageError {
  static func creating(_ name: String, _ error: SystemError) -> StorageError {
    StorageError(
      .system(error.number), object: name, operation: "create",
      hint: error.number == EACCES
        ? "this account may not make files in that directory" : writingHint(error.number))
  }

  static func writing(
    _ name: String, _ operation: String, _ error: SystemError, at offset: UInt64? = nil,
    byteCount: Int? = nil
  ) -> StorageError {
    StorageError(
      .system(error.number), object: name, operation: operation, offset: offset,
      byteCount: byteCount, hint: writingHint(error.number))
  }

  private static func writingHint(_ number: Int32) -> String? {
    switch number {
    case ENOSPC: "free some space and run it again: what is there already is kept"
    case EDQUOT: "the quota is used up; free some space and run it again"
    case EFBIG: "the file system or a limit (ulimit -f) does not allow a file of this size"
    case EIO: "the medium failed; see the kernel's log (dmesg), and do not trust what is on it"
    case EROFS: "the file system is mounted read-only"
    case EPERM: "it may be immutable (lsattr), or the device read-only"
    case EACCES: "check the permissions, or run it with sudo"
    case ENXIO, ENODEV: "the device went away"
    case ENOSYS, EOPNOTSUPP: "its file system cannot do this"
    case ENAMETOOLONG: "a name may have 255 bytes, a path 4095"
    default: nil
    }
  }
}
