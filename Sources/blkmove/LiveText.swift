// SPDX-License-Identifier: Apache-2.0

import Blocks
import Live
import Transfer

/// What happens in a live copy, in lines and as an object.
struct LiveText {
  private let event: LiveEvent

  init(_ event: LiveEvent) { self.event = event }

  var lines: [String] {
    switch event {
    case .began(let writer, let tracker, let disks):
      ["live: \(disks.joined(separator: ", ")); written by \(writer), told by \(tracker)"]
    case .round(let round): Self.lines(of: round)
    case .slowedDown(let rate): ["slowed down to \(rate) writes a second"]
    case .awaitsCutover: ["ready; 'blkmove cutover' or SIGUSR2 says when to cut over"]
    case .pausing(let forecast):
      ["pausing, for about \(Self.time(forecast.seconds)): \(Self.parts(forecast))"]
    case .brokenOff(let seconds, let reason):
      ["running again after \(Self.time(seconds)): \(reason)"]
    case .handedOver(let pause):
      [
        "paused for \(Self.time(pause.ownSeconds)), "
          + "\(Self.time(pause.forecast.seconds)) predicted; then "
          + "\(Self.time(pause.switching)) to switch"
      ]
    }
  }

  private static func lines(of round: RoundRecord) -> [String] {
    var line = round.number == 0 ? "first pass: " : "round \(round.number): "
    if round.number > 0 { line += "\(ByteText.human(round.dirtyByteCount)) written, " }
    line += "\(ByteText.human(round.wireByteCount)) on the line in \(time(round.seconds))"
    if let forecast = round.forecast {
      line += "; a pause now: \(time(forecast.seconds)) (\(parts(forecast)))"
    }
    return [line] + round.losses.map { "everything is looked at again: \($0)" }
  }

  static func parts(_ forecast: Forecast) -> String {
    [
      ("pausing", forecast.pausing), ("asking", forecast.taking), ("sending", forecast.sending),
      ("flushing", forecast.settling), ("finishing", forecast.finishing),
    ].map { "\($0) \(time($1))" }.joined(separator: ", ")
  }

  static func time(_ seconds: Double) -> String {
    seconds < 1
      ? "\(Int((seconds * 1000).rounded())) ms" : "\(ByteText.decimal(seconds, places: 1)) s"
  }

  var object: JSONValue {
    switch event {
    case .began(let writer, let tracker, let disks):
      .object([
        "type": .string("live"), "writer": .string(writer), "tracker": .string(tracker),
        "disks": .array(disks.map { .string($0) }),
      ])
    case .round(let round): Self.object(round)
    case .slowedDown(let rate):
      .object(["type": .string("throttle"), "writes_per_second": .integer(UInt64(rate))])
    case .awaitsCutover: .object(["type": .string("ready")])
    case .pausing(let forecast):
      .object(["type": .string("pausing"), "forecast": Self.object(forecast)])
    case .brokenOff(let seconds, let reason):
      .object([
        "type": .string("resumed"), "paused_seconds": .number(seconds), "reason": .string(reason),
      ])
    case .handedOver(let pause):
      .object(["type": .string("paused"), "pause": Self.object(pause)])
    }
  }

  static func object(_ round: RoundRecord) -> JSONValue {
    .object([
      "type": .string("round"), "number": .integer(UInt64(round.number)),
      "written_bytes": .integer(round.dirtyByteCount),
      "read_bytes": .integer(round.readByteCount),
      "changed_bytes": .integer(round.changedByteCount),
      "wire_bytes": .integer(round.wireByteCount),
      "deferred_bytes": .integer(round.deferredByteCount),
      "transfer_seconds": .number(round.transferSeconds),
      "settling_seconds": .number(round.settlingSeconds),
      "writes_per_second": .optional(round.writesPerSecond.map { UInt64($0) }),
      "losses": .array(round.losses.map { .string($0) }),
      "forecast": round.forecast.map(object) ?? .null,
    ])
  }

  static func object(_ forecast: Forecast) -> JSONValue {
    .object([
      "seconds": .number(forecast.seconds), "pausing": .number(forecast.pausing),
      "asking": .number(forecast.taking), "sending": .number(forecast.sending),
      "flushing": .number(forecast.settling), "finishing": .number(forecast.finishing),
    ])
  }

  static func object(_ pause: LiveReport.Pause) -> JSONValue {
    .object([
      "seconds": .number(pause.seconds), "pausing": .number(pause.pausing),
      "asking": .number(pause.taking), "sending": .number(pause.sending),
      "flushing": .number(pause.settling), "finishing": .number(pause.finishing),
      "switching": .number(pause.switching), "forecast": object(pause.forecast),
    ])
  }
}

/// The report of a live copy that is done.
struct LiveReportText {
  private let report: LiveReport

  init(_ report: LiveReport) { self.report = report }

  var lines: [String] {
    let sent = report.rounds.reduce(UInt64(0)) { $0 + $1.wireByteCount }
    var lines = [
      "\(report.rounds.count - 1) rounds after the first pass, \(ByteText.human(sent)) on the line"
    ]
    if let pause = report.pause {
      lines.append(
        "pause \(LiveText.time(pause.seconds)): pausing \(LiveText.time(pause.pausing)), asking "
          + "\(LiveText.time(pause.taking)), sending \(LiveText.time(pause.sending)), flushing "
          + "\(LiveText.time(pause.settling)), finishing \(LiveText.time(pause.finishing)), "
          + "switching \(LiveText.time(pause.switching))")
    }
    for disk in report.disks {
      let digest = digestText(disk)
      lines.append(
        "verified: \(disk.report.targetName) is \(disk.name) as it was in the pause\(digest)")
    }
    return lines
  }

  private func digestText(_ disk: LiveReport.Disk) -> String {
    disk.report.imageDigest.map { ", digest \($0.hexadecimal)" } ?? ""
  }

  var object: JSONValue {
    .object([
      "type": .string("report"), "writer": .string(report.writer),
      "tracker": .string(report.tracker), "after": .string(report.after.rawValue),
      "broken_pauses": .integer(UInt64(report.brokenPauseCount)),
      "writes_per_second": .optional(report.writesPerSecond.map { UInt64($0) }),
      "elapsed_seconds": .number(report.elapsedSeconds),
      "pause": report.pause.map(LiveText.object) ?? .null,
      "rounds": .array(report.rounds.map(LiveText.object)),
      "disks": .array(
        report.disks.map { disk in
          .object([
            "source": .string(disk.name), "target": .string(disk.report.targetName),
            "digest": .optional(disk.report.imageDigest?.hexadecimal),
          ])
        }),
    ])
  }
}
