// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A line of a stated rate between two network namespaces of its own, for an sshd at its far end.
/// It goes with whoever holds it, or with the test process.
final class NarrowLine: Sendable {
  static let farAddress = "10.99.0.2"
  private let near: String
  private let far: String
  private let identifier: pid_t
  private let input: Int32

  /// `rate` is what tc takes: "100mbit".
  init(rate: String) throws {
    let scratch = Scratch()
    let name = "blkmove-\(getpid())-\(scratch.path.split(separator: "-").last!)"
    near = name + "-near"
    far = name + "-far"
    let (reading, writing) = try Spawn.pipe()
    defer { close(reading) }
    input = writing
    let (said, errors) = (scratch.path("said"), scratch.path("errors"))
    identifier = try Spawn.start(
      ["/bin/bash", Tool.script("narrow-line"), name, rate],
      environment: Command.plainEnvironment, input: .descriptor(reading), output: .file(said),
      error: .file(errors))
    let deadline = Date() + 10
    while FileManager.default.contents(atPath: said)?.isEmpty != false {
      guard Date() < deadline else {
        let text = String(
          decoding: FileManager.default.contents(atPath: errors) ?? Data(), as: UTF8.self)
        throw FixtureError("no narrow line: \(text)")
      }
      usleep(10_000)
    }
  }

  deinit {
    close(input)
    var status: Int32 = 0
    waitpid(identifier, &status, 0)
  }

  /// The words that go before those of a program at either end of it.
  var nearWords: [String] { ["ip", "netns", "exec", near] }
  var farWords: [String] { ["ip", "netns", "exec", far] }

  /// Bytes that went to the far end and came back, with all that a network adds.
  var byteCounts: (sent: UInt64, received: UInt64) {
    get throws {
      let text = try Command.succeed(
        "ip", "netns", "exec", near, "cat", "/sys/class/net/line/statistics/tx_bytes",
        "/sys/class/net/line/statistics/rx_bytes")
      let figures = text.split(separator: "\n").compactMap { UInt64($0) }
      guard figures.count == 2 else { throw FixtureError("no counters: \(text)") }
      return (figures[0], figures[1])
    }
  }
}
