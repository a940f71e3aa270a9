// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The account that `Tests/tools/meter` keeps of one program, from outside.
struct Meter: Sendable {
  /// What is to happen when so many bytes have passed, both directions together.
  enum Event: Sendable {
    case cut, stall, flip, killParent
    case kill(pidFile: String)
  }

  private let record: String
  private var position: UInt64?
  private var event: Event?
  private var delayMilliseconds: Int

  init(
    in scratch: Scratch, at position: UInt64? = nil, event: Event? = nil,
    delayMilliseconds: Int = 0
  ) {
    record = scratch.newPath("meter")
    self.delayMilliseconds = delayMilliseconds
    self.position = position
    self.event = event
  }

  /// One that somebody else has started.
  init(recordedIn record: String) {
    self.record = record
    delayMilliseconds = 0
  }

  /// The words that go before those of the program.
  var words: [String] {
    var result = [Tool.built("meter"), "--record", record, "--delay", "\(delayMilliseconds)"]
    if let position { result += ["--at", String(position)] }
    switch event {
    case nil: break
    case .cut: result.append("--cut")
    case .stall: result.append("--stall")
    case .flip: result.append("--flip")
    case .killParent: result.append("--kill-parent")
    case .kill(let file): result += ["--kill", file]
    }
    return result + ["--"]
  }

  /// Bytes that the program was given on its standard input.
  var sent: UInt64 { count(0) }
  /// Bytes that it gave on its standard output.
  var received: UInt64 { count(1) }
  var wire: UInt64 { sent + received }
  /// Its peak memory, known when it is over.
  var peakBytes: UInt64 { count(2) << 10 }
  /// The CPU time of it and of what it has waited for, known when it is over.
  var cpuSeconds: Double { Double(count(4)) / 1_000_000 }

  private func count(_ index: Int) -> UInt64 {
    guard let data = FileManager.default.contents(atPath: record), data.count == 40 else {
      return 0
    }
    return data.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
  }
}
