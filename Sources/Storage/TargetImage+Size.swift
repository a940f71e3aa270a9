// SPDX-License-Identifier: Apache-2.0

import Synchronization

extension TargetImage {
  /// Says where an image ends whose end was not known when it was opened.
  package func end(at byteCount: UInt64) {
    precondition(isOpenEnded && byteCount <= self.byteCount, "it has an end already")
    endByteCount.store(byteCount, ordering: .relaxed)
  }

  /// How much is there now: of a file its length, of a device how much it has room for.
  package var currentByteCount: UInt64 { presentByteCount.load(ordering: .acquiring) }
}
