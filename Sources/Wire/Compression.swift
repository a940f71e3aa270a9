// SPDX-License-Identifier: Apache-2.0

/// How page data is compressed on its way.
package enum Compression: Hashable, Sendable {
  /// The level follows the measured link; data that does not shrink goes raw.
  case automatic
  case none
  /// A level of zstd, 1 ... 19.
  case level(Int)
}
