// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// What a finished run did: the figures behind the closing lines, `--stats` and the
/// final `result` of `--json`.
package struct Report: Sendable {
  /// The name of the target as it finally is.
  package var targetName = ""
  /// The same as a path at its end.
  package var targetPath = ""
  package var imageByteCount: UInt64 = 0
  package var counters = Counters.Snapshot()
  /// The digest that both ends agreed on; nil for a dry run and for a local copy whose
  /// bytes were compared side by side.
  package var imageDigest: Digest?
  package var isVerified = false
  package var passCount = 1
  /// How many connections carried the run; 0 of a run on this machine.
  package var connectionCount = 0
  package var elapsedSeconds: Double = 0
  /// Only of `verify`: whether the images are equal, and where they differ first.
  package var isEqual = true
  package var firstDifference: UInt64?
  /// How much differs, in whole pages.
  package var differingByteCount: UInt64 = 0
  /// Of a manifest stream the segments that are not zero, of a delta those that are not the same.
  package var changedSegmentCount: UInt64 = 0
  /// Of a delta that was applied: the target was its result before.
  package var isAlreadyDone = false
  /// Only where one was asked for.
  package var estimate: Estimate?
  /// Things the user should know that are no errors: a larger target device, a mounted source.
  package var notes: [String] = []

  package init() {}

  /// Images of different sizes differ where the shorter one ends, at the latest.
  mutating func tell(differentSizes source: UInt64, _ target: UInt64) {
    isEqual = false
    firstDifference = min(source, target)
    differingByteCount = max(source, target) - min(source, target)
    notes.append("the sizes differ: source \(source) bytes, target \(target) bytes")
  }
}
