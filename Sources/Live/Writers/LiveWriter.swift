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
  /// Begins what has to go on for a while before a pause, when the images are nearly there:
  /// memory that goes too. Called again after a pause that was broken off.
  func prepare() throws(TransferError)
  /// Whether the pause may begin. Until then the rounds go on.
  func isReady() throws(TransferError) -> Bool
  /// Returns when nothing is written any more, and what was acknowledged can be read; gives the
  /// moment since when. If it throws, the writer may stand still all the same.
  func pause() throws(TransferError) -> Double
  /// The targets are in their places: takes there what else has to go, and returns when it runs
  /// there. If it throws, it is to be resumed here.
  func moveOver() throws(TransferError)
  /// Lets it write again; nothing, if it does.
  func resume() throws(TransferError)
  /// Limits how often it writes.
  func slowDown(writesPerSecond: Int) throws(TransferError)
  /// Gives it back the limits that it had.
  func speedUp() throws(TransferError)
  /// It runs elsewhere from now on: nobody of us may resume it any more, neither when the run
  /// fails nor when it is killed. The first thing after the user's switch.
  func stayPaused() throws(TransferError)
  /// Ends it for good.
  func quit() throws(TransferError)
  /// Lets go of what it is commanded by.
  func close()
}

/// Most have nothing but their images.
extension LiveWriter {
  package func prepare() throws(TransferError) {}
  package func isReady() throws(TransferError) -> Bool { true }
  package func moveOver() throws(TransferError) {}
}
