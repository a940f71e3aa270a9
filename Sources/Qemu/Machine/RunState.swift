// SPDX-License-Identifier: Apache-2.0

/// What a virtual machine does just now, in QEMU's words.
package struct RunState: Equatable, Sendable {
  /// `running`, `paused`, `postmigrate`, `io-error`, ...
  package var name: String
  package var isRunning: Bool

  package init(name: String, isRunning: Bool) {
    self.name = name
    self.isRunning = isRunning
  }

  /// It was told to pause, and nothing else is the matter with it.
  package var isPaused: Bool { name == "paused" }
}
