// SPDX-License-Identifier: Apache-2.0

import Transfer

/// What `blkmove serve` lets the holder of an ssh key do: these paths, in these roles.
struct ServeRestriction: Equatable, Sendable {
  var paths: [String]
  var mode: Server.Mode

  init(paths: [String], mode: Server.Mode = .readWrite) {
    self.paths = paths
    self.mode = mode
  }

  init(_ arguments: Arguments) throws(UsageError) {
    guard !arguments.restrictions.isEmpty else {
      throw UsageError("'\(Program.name) serve' needs '--restrict PATH'")
    }
    guard !(arguments.isReadOnly && arguments.isWriteOnly) else {
      throw UsageError("'--read-only' and '--write-only' leave nothing to serve")
    }
    paths = arguments.restrictions + arguments.operands
    mode = arguments.isReadOnly ? .readOnly : arguments.isWriteOnly ? .writeOnly : .readWrite
  }
}
