// SPDX-License-Identifier: Apache-2.0

/// What is known of one round over all images of a move, or of the first pass.
package struct RoundRecord: Equatable, Sendable {
  /// 0 is the first pass.
  package var number: Int
  /// What was reported as written before it.
  package var dirtyByteCount: UInt64 = 0
  package var readByteCount: UInt64 = 0
  /// What the targets did not have.
  package var changedByteCount: UInt64 = 0
  package var wireByteCount: UInt64 = 0
  /// Naming and sending; the slowest image's.
  package var transferSeconds = 0.0
  /// Until the targets had it on stable storage and had said so.
  package var settlingSeconds = 0.0
  /// How long what was written had been gathered.
  package var gatheringSeconds = 0.0
  /// What a pause right before it would have taken.
  package var forecast: Forecast?
  /// Why everything had to be looked at, where that was so.
  package var losses: [String] = []
  /// Groups that are written again and again and were left for later.
  package var deferredByteCount: UInt64 = 0
  package var writesPerSecond: Int?

  package init(number: Int) { self.number = number }

  package var seconds: Double { transferSeconds + settlingSeconds }
}
