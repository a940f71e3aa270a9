// SPDX-License-Identifier: Apache-2.0

import Testing

/// Which end is behind the remote shell.
enum Direction: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case push, pull, local

  var testDescription: String { rawValue }

  static let remote: [Direction] = [.push, .pull]
}
