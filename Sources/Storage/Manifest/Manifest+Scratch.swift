// SPDX-License-Identifier: Apache-2.0

import Blocks
import CLinux
import Glibc

/// A live copy needs the records of its image while it runs, whether or not they are kept for the
/// next run.
extension Manifest {
  /// One in a file without a name, which is gone when nobody has it open any more.
  package static func scratch(
    byteCount: UInt64, role: ManifestHeader.Role, name: String, on machine: Machine = .here
  ) throws(StorageError) -> Manifest {
    var failure = SystemError(number: ENOENT)
    for directory in [machine.stateDirectory, "/var/tmp"].compactMap(\.self) {
      do throws(SystemError) {
        let descriptor = try machine.calls.open(
          directory, in: AT_FDCWD, flags: O_RDWR | linux_O_TMPFILE, mode: 0o600)
        return try make(
          descriptor, directory, scratchHeader(byteCount, role, name), isScratch: true)
      } catch {
        failure = error
      }
    }
    throw .writing("/var/tmp", "make a file without a name", failure)
  }

  private static func scratchHeader(
    _ byteCount: UInt64, _ role: ManifestHeader.Role, _ name: String
  ) -> ManifestHeader {
    let identity = ImageIdentity(kind: .file, deviceNumber: 0, inode: 0, byteCount: byteCount)
    return ManifestHeader(
      role: role, key: "", identity: identity, secret: newSecret(), name: name)
  }
}
