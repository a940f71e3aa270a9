// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A program that was started and not yet waited for.
final class RunningCommand {
  let identifier: pid_t
  private let words: [String]
  private let output: String
  private let startedAt = Date()
  private let timeoutSeconds: Double
  private var outcome: Outcome?

  init(identifier: pid_t, words: [String], output: String, timeoutSeconds: Double) {
    self.identifier = identifier
    self.words = words
    self.output = output
    self.timeoutSeconds = timeoutSeconds
  }

  deinit {
    if outcome == nil {
      kill(-identifier, SIGKILL)
      var status: Int32 = 0
      waitpid(identifier, &status, 0)
    }
  }

  /// What it has printed so far.
  var outputSoFar: String { Self.text(output + ".out") }
  var errorSoFar: String { Self.text(output + ".err") }

  func send(_ signal: Int32) { kill(identifier, signal) }

  /// Looks at the program without waiting.
  var isOver: Bool {
    if outcome != nil { return true }
    poll(options: WNOHANG)
    return outcome != nil
  }

  @discardableResult
  func wait() -> Outcome {
    var pauseMicroseconds: UInt32 = 1000
    while !isOver {
      if Date().timeIntervalSince(startedAt) > timeoutSeconds {
        kill(-identifier, SIGKILL)
        poll(options: 0, isTimedOut: true)
        break
      }
      usleep(pauseMicroseconds)
      pauseMicroseconds = min(20_000, pauseMicroseconds * 5 / 4)
    }
    return outcome!
  }

  private func poll(options: Int32, isTimedOut: Bool = false) {
    var status: Int32 = 0
    var result = waitpid(identifier, &status, options)
    while result < 0 && errno == EINTR { result = waitpid(identifier, &status, options) }
    guard result == identifier else { return }
    outcome = Outcome(
      words: words, output: Self.text(output + ".out"), error: Self.text(output + ".err"),
      status: status & 0x7f == 0 ? (status >> 8) & 0xff : nil, signal: status & 0x7f,
      isTimedOut: isTimedOut, elapsedSeconds: Date().timeIntervalSince(startedAt))
  }

  private static func text(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }
}
