// SPDX-License-Identifier: Apache-2.0

import Storage

/// How much of two images `verify` compares: what a copy under the same policy would have made
/// equal.
enum ComparedLength {
  /// Nil when images of these sizes differ whatever is in them.
  static func agree(
    _ policy: SizePolicy, source: UInt64, target: UInt64, targetKind: ImageKind
  ) -> UInt64? {
    switch policy {
    case .min: min(source, target)
    case .resize where targetKind == .device && target > source: source
    case .resize, .strict: source == target ? source : nil
    }
  }

  /// What the source concludes from the length that the target gave in return: the agreed one, or
  /// where there is none its own, which then is another than the source's.
  static func conclude(_ policy: SizePolicy, source: UInt64, answer: UInt64) -> UInt64? {
    policy == .min || answer == source ? min(source, answer) : nil
  }
}
