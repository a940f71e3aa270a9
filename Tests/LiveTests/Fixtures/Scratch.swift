// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A directory of one test's own, which goes with it.
final class Scratch: Sendable {
  let path: String

  init() {
    let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    path = "\(base)/blkmove-live-tests/\(UUID().uuidString)"
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  func exists(_ name: String) -> Bool {
    var status = stat()
    return lstat(file(name), &status) == 0
  }

  /// What a file holds, without the white space around it; nil while it is not there.
  func text(_ name: String) -> String? {
    FileManager.default.contents(atPath: file(name)).map {
      String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }
}
