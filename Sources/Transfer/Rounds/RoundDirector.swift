// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// Decides what the source's end of a live copy does next. It is asked after the first pass and
/// after every round, on a thread of the run, and may take its time: nothing is on the line
/// meanwhile. What it throws ends the run.
package protocol RoundDirector: AnyObject, Sendable {
  func order(after result: RoundResult) throws(TransferError) -> RoundOrder
  /// The target is in its place. What remains to be done at this end takes time that nobody should
  /// have to wait for: it begins when this returns.
  func complete(_ imageDigest: Digest) throws(TransferError)
}

/// What a director may want.
package enum RoundOrder: Sendable {
  /// Go over what may have been written. In the last one nobody writes to the image any more.
  case round(DirtySet, isLast: Bool)
  /// The target is the source's image: put it in its place, and end.
  case finish
}

/// What came of the first pass, or of a round.
package struct RoundResult: Sendable, Equatable {
  /// 0 is the first pass.
  package var number: Int
  /// Both ends came to the same digest of the image, and this is it. What was written to the source
  /// while it was read is not in it.
  package var imageDigest: Digest?
  /// How much of the source was read because it may have been written.
  package var readByteCount: UInt64 = 0
  /// How much of that the target did not have.
  package var changedByteCount: UInt64 = 0
  /// What it took on the line, names and all.
  package var wireByteCount: UInt64 = 0
  /// From the beginning until all was said and sent.
  package var transferSeconds = 0.0
  /// Then, until the target had it on stable storage and said so.
  package var settlingSeconds = 0.0

  package init(number: Int) { self.number = number }
}
