// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// What a seed needs beyond being read.
extension SourceImage {
  /// What an earlier run remembered of it, if it was closed and the image is proved to be what it
  /// was then. It is only read, and not locked: whoever keeps it must not be kept from it, and what
  /// it says of a seed is checked when it is used.
  package func unchangedManifest() -> Manifest? {
    guard kind == .file else { return nil }
    return Manifest.findUnchanged(of: key, identity: identity, on: machine)
  }

  /// Whether this is the target itself, by whatever name.
  package func isSame(as target: any CopyTarget) -> Bool {
    key == (target as? TargetImage)?.key
  }
}
