// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A folder of one test, gone with it. Its path is short, since sockets have short names.
final class Scratch {
  let path: String

  init() {
    path = "/tmp/blkmove-qemu-\(UInt32.random(in: 0...UInt32.max))"
    try? FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }
}
