// SPDX-License-Identifier: Apache-2.0

import Blocks
import Transfer

@testable import blkmove

/// Swift Testing has a type of this name too.
typealias ExitStatus = Transfer.ExitStatus

extension Engine {
  static let testDigest = Digest(
    hexadecimal: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")!

  /// An engine that does nothing and says that it went well, but for the sources named.
  static func idle(failing failures: [String: TransferError] = [:]) -> Engine {
    let run:
      @Sendable (Settings, Counters, Location, Location, Announce) throws(TransferError) -> Report =
        { (settings, counters, source, target, announce) throws(TransferError) in
          counters.set(.imageByteCount, to: 8 << 30)
          counters.set(.scanned, to: 1 << 30)
          if let failure = failures[source.displayed] { throw failure }
          announce(.note("the target is larger"))
          announce(.remoteLine(host: "backup", line: "disk is \u{1b}[31mold"))
          counters.set(.equal, to: 8 << 30)
          counters.set(settings.isDryRun ? .wanted : .sent, to: 4096)
          counters.set(.wireSent, to: 5000)
          counters.set(.wireReceived, to: 3192)
          var report = Report()
          report.targetName = target.displayed
          report.imageByteCount = 8 << 30
          report.counters = counters.snapshot
          report.imageDigest = testDigest
          report.elapsedSeconds = 1.5
          report.notes = ["the target is larger"]
          return report
        }
    return Engine(
      copy: run,
      verify: { (settings, counters, source, target, announce) throws(TransferError) in
        var report = try run(settings, counters, source, target, announce)
        report.isEqual = source.path != "other.img"
        if !report.isEqual { report.firstDifference = 4096 }
        return report
      },
      digest: { (settings, counters, image, announce) throws(TransferError) in
        if let failure = failures[image.displayed] { throw failure }
        return testDigest
      },
      status: Engine.transfer.status,
      serve: { _ in .done },
      join: { _ in },
      refuse: { $0.status })
  }
}
