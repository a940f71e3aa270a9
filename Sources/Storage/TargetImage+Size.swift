// SPDX-License-Identifier: Apache-2.0

import Synchronization

extension TargetImage {
  /// How much is there now: of a file its length, of a device how much it has room for.
  package var currentByteCount: UInt64 { presentByteCount.load(ordering: .acquiring) }
}
