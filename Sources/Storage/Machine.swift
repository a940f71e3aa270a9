// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The machine that the images are on, as this room sees it: the seam of system calls, where
/// the kernel describes its devices, and where marks are kept.
///
/// Tests give trees of their own, so that every kind of device can be looked at everywhere.
package struct Machine: Sendable {
  package var calls: SystemCalls
  /// procfs: mounts, swaps, locks.
  package var processRoot: String
  /// sysfs: block devices and who holds them.
  package var systemRoot: String
  /// Where unfinished marks are kept; nil when this account has no such place.
  package var stateDirectory: String?

  /// How long an image is waited for that is in use for a moment only: udev looks at a device
  /// just after anybody closed it, and a program that is being started holds what its parent
  /// closed.
  package var patienceMilliseconds = 1000

  package init(
    calls: SystemCalls = .kernel, processRoot: String = "/proc", systemRoot: String = "/sys",
    stateDirectory: String? = nil
  ) {
    self.calls = calls
    self.processRoot = processRoot
    self.systemRoot = systemRoot
    self.stateDirectory = stateDirectory
  }

  /// This machine, with the state directory that the environment asks for.
  package static var here: Machine {
    Machine(stateDirectory: stateDirectory(isRoot: geteuid() == 0, environment: environmentValue))
  }

  /// Made if it is not there; nil where it cannot be.
  package var madeStateDirectory: String? {
    guard let stateDirectory else { return nil }
    return (try? StateDirectory.make(stateDirectory, calls)) == nil ? nil : stateDirectory
  }

  /// `BLKMOVE_STATE_DIR`, else the system's place for root, else the XDG place.
  static func stateDirectory(isRoot: Bool, environment: (String) -> String?) -> String? {
    if let chosen = environment("BLKMOVE_STATE_DIR") { return chosen }
    if isRoot { return "/var/lib/blkmove" }
    // The specification says that a relative path here is to be ignored.
    if let state = environment("XDG_STATE_HOME"), state.hasPrefix("/") {
      return state + "/blkmove"
    }
    return environment("HOME").map { $0 + "/.local/state/blkmove" }
  }

  /// The permissions that this process does not give to new files. umask(2) cannot be asked
  /// without being changed, and other threads may be making files.
  var creationMask: UInt32 {
    let status = KernelFiles.text(processRoot + "/self/status") ?? ""
    for line in status.split(separator: "\n") where line.hasPrefix("Umask:") {
      if let mask = UInt32(line.dropFirst(6).filter(\.isWholeNumber), radix: 8) { return mask }
    }
    return 0o077
  }

  private static func environmentValue(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }
}
