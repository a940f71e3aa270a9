// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where the bytes of one direction go: to a descriptor, or to a delay line that ends there.
final class Sink {
  private let output: Int32
  private let line: DelayLine?
  /// The thread that takes from the line.
  var arriving: pthread_t?

  init(output: Int32, line: DelayLine? = nil) {
    self.output = output
    self.line = line
  }

  /// False when nobody takes them any more.
  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let line else { return Self.write(bytes, to: output) }
    if !bytes.isEmpty { line.give(bytes) }
    return true
  }

  /// Waits until all has arrived.
  func finish() {
    line?.close()
    if let arriving { pthread_join(arriving, nil) }
  }

  static func write(_ bytes: UnsafeRawBufferPointer, to output: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let written = Glibc.write(output, rest.baseAddress, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { return false }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
    }
    return true
  }
}
