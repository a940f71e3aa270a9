// SPDX-License-Identifier: Apache-2.0

package import Transfer

/// Who writes to the images of a move: a virtual machine, or whatever the user's commands pause.
///
/// What it does to somebody it puts down with the guardian before it does it.
///
/// ## Concurrency
/// All calls come from the thread that leads the move.
package protocol LiveWriter: AnyObject, Sendable {
  /// For reports.
  var name: String { get }
  /// Whether `slowDown` can be of use.
  var canSlowDown: Bool { get }
  /// How long a pause takes to begin, as far as is known beforehand.
  var expectedPausingSeconds: Double { get }
  /// Returns when nothing is written any more, and what was acknowledged can be read. If it
  /// throws, the writer may stand still all the same.
  func pause() throws(TransferError)
  /// Lets it write again; nothing, if it does.
  func resume() throws(TransferError)
  /// Limits how often it writes.
  func slowDown(writesPerSecond: Int) throws(TransferError)
  /// Gives it back the limits that it had.
  func speedUp() throws(TransferError)
  /// The images are elsewhere: it is never to be resumed by us. `isOver` ends it for good.
  func handOver(isOver: Bool) throws(TransferError)
  /// Lets go of what it is commanded by.
  func close()
}
