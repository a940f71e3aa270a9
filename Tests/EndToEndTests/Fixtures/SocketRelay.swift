// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A socket in the file system that stands for another one until a test cuts what goes through it.
/// See `Tests/tools/relay-socket`.
final class SocketRelay: Sendable {
  let path: String
  private let identifier: pid_t
  private let input: Int32

  init(to other: String, at path: String) throws {
    self.path = path
    let (reading, writing) = try Spawn.pipe()
    defer { close(reading) }
    input = writing
    let said = path + ".said"
    identifier = try Spawn.start(
      [Tool.script("relay-socket"), path, other], environment: Command.plainEnvironment,
      input: .descriptor(reading), output: .file(said), error: .file(said + ".errors"))
    let deadline = Date() + 10
    while FileManager.default.contents(atPath: said)?.isEmpty != false {
      guard Date() < deadline else { throw FixtureError("no relay at \(path)") }
      usleep(10_000)
    }
  }

  deinit {
    close(input)
    var status: Int32 = 0
    waitpid(identifier, &status, 0)
  }

  /// Ends every connection that there is. The next one is served again.
  func cut() { _ = "\n".withCString { write(input, $0, 1) } }
}
