// SPDX-License-Identifier: Apache-2.0

package import Blocks
package import Transfer

/// Knows nothing: each time everything may have been written. Every round then reads all of the
/// image, the one in the pause as well.
package final class Rescan: DirtySource {
  package init() {}

  package var name: String { "nothing; all is read again" }

  package func begin() throws(TransferError) {}

  package func take(into dirty: inout DirtySet) throws(TransferError) -> DirtyLoss? {
    dirty.insertAll()
    return nil
  }

  package func end() {}
}
