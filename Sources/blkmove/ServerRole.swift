// SPDX-License-Identifier: Apache-2.0

import Transfer

/// What `--server` is asked to be: one end of a run, or a further connection of a run that has
/// begun, or the way to a socket.
enum ServerRole: String, CaseIterable, Sendable {
  case source, target, join, relay

  /// Which end of a run, if it is one.
  var end: Server.Role? {
    switch self {
    case .source: .source
    case .target: .target
    case .join, .relay: nil
    }
  }
}
