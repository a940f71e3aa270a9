// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a guest is made of: Debian's kernel, an initrd with busybox and the writer, and the writer
/// for this machine, which is also the check of what it wrote. `Tests/tools/make-guest` makes them
/// and keeps them.
struct GuestParts: Sendable {
  let directory: String
  var kernel: String { "\(directory)/vmlinuz" }
  var initrd: String { "\(directory)/initrd" }
  var writer: String { "\(directory)/writer" }

  static let shared = Result { try GuestParts() }

  private init() throws {
    directory = "\(Tool.checkout)/.build/guest"
    var command = Command(Tool.script("make-guest"), directory)
    command.timeoutSeconds = 300
    // The toolchain's compiler is where the developer has it.
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    command.environment["PATH"] = "\(path):\(command.environment["PATH"]!)"
    let outcome = try command.run()
    guard outcome.status == 0 else { throw FixtureError("\(outcome)") }
  }
}
