// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The one question about the file system that a command line needs answered.
enum FileKind {
  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
