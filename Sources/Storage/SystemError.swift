// SPDX-License-Identifier: Apache-2.0

import CLinux

/// What the kernel said to one system call. `StorageError` adds what was being done.
package struct SystemError: Error, Equatable, Sendable {
  package let number: Int32

  package init(number: Int32) { self.number = number }

  /// The C library's words, as every other tool prints them.
  package var text: String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { space in
      unsafe String(cString: linux_error_text(number, space.baseAddress, space.count))
    }
  }
}
