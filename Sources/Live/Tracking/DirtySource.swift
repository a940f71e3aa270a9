// SPDX-License-Identifier: Apache-2.0

package import Blocks
package import Transfer

/// Tells what of an image may have been written while somebody copied it.
///
/// The promise that everything rests on: a write that was completed before `take` began is in its
/// answer, or was in an earlier one; a write that completes meanwhile is in this one or in the
/// next. There is no moment in which a write is seen by nobody. What is told too often costs
/// time, what is told too seldom costs data; so whoever loses something says that all is dirty.
///
/// ## Concurrency
/// All calls come from one thread.
package protocol DirtySource: AnyObject, Sendable {
  /// For reports: "QEMU dirty bitmap", "write trace".
  var name: String { get }
  /// Begins to track. What was written before that is not told.
  func begin() throws(TransferError)
  /// Adds what may have been written since `begin` or the last call.
  func take(into dirty: inout DirtySet) throws(TransferError) -> DirtyLoss?
  /// Does what `take` left for a moment in which nobody waits.
  func tidy()
  /// Ends the tracking and leaves nothing behind. May be called at any time, and more than once.
  func end()
}

extension DirtySource {
  package func tidy() {}
}

/// Why all of an image has to be taken for dirty: events were dropped, a bitmap is gone.
package struct DirtyLoss: Equatable, Sendable {
  package var reason: String

  package init(_ reason: String) { self.reason = reason }
}
