// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Streams between pieces of a pipe, made and mistreated.
struct Streams {
  let scratch: Scratch
  var state: String { scratch.path("state", isDirectory: true) }

  /// A script of bash in which `$blkmove` is the program and a pipe fails when one of it does.
  /// Its marks and manifests are this test's own.
  func shell(_ script: String, timeoutSeconds: Double = 60) throws -> Outcome {
    try command(script, timeoutSeconds: timeoutSeconds).run()
  }

  func command(_ script: String, timeoutSeconds: Double = 60) -> Command {
    var command = Command("bash", "-c", "set -o pipefail; cd \"$directory\"; \(script)")
    command.environment["directory"] = scratch.path
    command.environment["blkmove"] = Blkmove.binary
    command.environment["BLKMOVE_STATE_DIR"] = state
    command.timeoutSeconds = timeoutSeconds
    return command
  }

  func succeed(_ script: String) throws {
    let outcome = try shell(script)
    guard outcome.status == 0 else { throw FixtureError("\(outcome)") }
  }

  func bytes(_ name: String) throws -> Data {
    guard let bytes = FileManager.default.contents(atPath: scratch.path(name)) else {
      throw FixtureError("no \(name)")
    }
    return bytes
  }

  func write(_ bytes: Data, to name: String) throws {
    try bytes.write(to: URL(fileURLWithPath: scratch.path(name)))
  }

  /// Where records end: after the magic, then after each record.
  func borders(of name: String) throws -> [Int] {
    let bytes = try bytes(name)
    var borders = [8]
    while let start = borders.last, start + 5 <= bytes.count {
      let count = (0..<4).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
      borders.append(start + 5 + count)
    }
    return borders
  }
}
