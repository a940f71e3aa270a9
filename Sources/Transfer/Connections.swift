// SPDX-License-Identifier: Apache-2.0

/// Over how many connections one run goes.
package enum Connections: Equatable, Sendable {
  /// One, and more when measurements show that they pay.
  case automatic
  /// So many from the beginning, if the other end lets them in.
  case exactly(Int)

  /// The most that may be asked for.
  package static let mostCount = 16
}
