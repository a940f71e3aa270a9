// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

/// Runs what may hang on a thread of its own, so that a deadlock is a failure and not a standstill.
enum Watchdog {
  struct Hang: Error, CustomStringConvertible {
    var description: String
  }

  /// What `body` gives; `Hang` when that takes longer. The thread is then left behind.
  static func run<Value: Sendable>(
    _ what: String = "it", seconds: Double = 20, _ body: @escaping @Sendable () -> Value
  ) throws -> Value {
    try Running(what, seconds: seconds, body).value()
  }

  /// Something that goes on while the test does something else.
  final class Running<Value: Sendable>: Sendable {
    private let result = Monitor<Value?>(nil)
    private let what: String
    private let seconds: Double

    init(_ what: String, seconds: Double = 20, _ body: @escaping @Sendable () -> Value) {
      self.what = what
      self.seconds = seconds
      let result = result
      _ = WorkerThread {
        let value = body()
        result.update { $0 = value }
      }
    }

    func value() throws -> Value {
      guard let value = result.wait(seconds: seconds, { $0 }) else {
        throw Hang(description: "\(what) has not ended after \(seconds) seconds")
      }
      return value
    }
  }
}
