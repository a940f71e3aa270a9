// SPDX-License-Identifier: Apache-2.0

import Blocks
import Transfer

/// The objects of `--json`: one a line, each with a `type`. Their names are documented in
/// the manual page and do not change within a major version; new ones may come.
enum JSONReport {
  static func start(
    _ arguments: Arguments, _ settings: Settings, _ sources: [Location], _ target: Location?
  ) -> JSONValue {
    .object([
      "type": .string("start"),
      "operation": .string(arguments.subcommand.rawValue),
      "version": .string(Program.version),
      "sources": .array(sources.map { .string($0.displayed) }),
      "target": .optional(target?.displayed),
      "is_dry_run": .boolean(settings.isDryRun),
      "bandwidth_limit": .optional(settings.bandwidthLimit),
    ])
  }

  static func progress(_ reading: ProgressMeter.Reading, source: String) -> JSONValue {
    .object(
      [
        member("type", .string("progress")),
        member("source", .string(source)),
        member("phase", .string("\(reading.figures.phase)")),
        member("elapsed_seconds", .number(reading.elapsedSeconds)),
      ] + figures(reading.figures, imageByteCount: reading.figures.imageByteCount) + [
        member("sending_bytes_per_second", .optional(reading.sendingRate)),
        member("scanning_bytes_per_second", .optional(reading.scanningRate)),
        member("seconds_left", .optional(reading.secondsLeft)),
      ])
  }

  static func note(_ text: String, host: String?) -> JSONValue {
    .object([
      "type": .string("note"), "message": .string(text), "host": .optional(host),
    ])
  }

  static func error(_ error: CommandError) -> JSONValue {
    .object([
      "type": .string("error"),
      "end": .optional(error.end?.rawValue),
      "message": .string(error.sentence),
      "hint": .optional(error.hint),
      "status": .integer(UInt64(error.status.rawValue)),
    ])
  }

  static func result(
    _ reporter: Reporter, status: ExitStatus, error: CommandError?, images: [ImageResult]
  ) -> JSONValue {
    let totals = Totals(images)
    return .object(
      [
        member("type", .string("result")),
        member("operation", .optional(reporter.operation?.rawValue)),
        member("status", .integer(UInt64(status.rawValue))),
        member("meaning", .string(status.meaning)),
        member("error", .optional(error?.displayed)),
        member("is_dry_run", .boolean(reporter.arguments.isDryRun)),
        member("elapsed_seconds", .number(reporter.elapsedSeconds)),
        member("connections", .integer(UInt64(clamping: connectionCount(images)))),
      ] + figures(totals.figures, imageByteCount: totals.imageByteCount) + [
        member("estimate", estimate(images.compactMap(\.report.estimate))),
        member("images", .array(images.map { image($0, reporter.operation) })),
      ])
  }

  /// Of several images, each of which has its own, the most.
  private static func connectionCount(_ images: [ImageResult]) -> Int {
    images.map(\.report.connectionCount).max() ?? 0
  }

  private static func image(_ image: ImageResult, _ operation: Subcommand?) -> JSONValue {
    let report = image.report
    var members = [
      member("source", .string(image.source)),
      member("target", .optional(image.target)),
      member("status", .integer(UInt64(image.status.rawValue))),
      member("digest", .optional(report.imageDigest?.hexadecimal)),
    ]
    if operation == .digest { return .object(members) }
    members += figures(report.counters, imageByteCount: report.imageByteCount)
    members += [
      member("passes", .integer(UInt64(clamping: report.passCount))),
      member("connections", .integer(UInt64(clamping: report.connectionCount))),
      member("elapsed_seconds", .number(report.elapsedSeconds)),
    ]
    if operation == .verify {
      members += [
        member("is_equal", .boolean(report.isEqual && image.status == .done)),
        member("first_difference", .optional(report.firstDifference)),
      ]
    } else {
      members.append(member("is_verified", .boolean(report.isVerified)))
      members.append(member("estimate", estimate([report.estimate].compactMap(\.self))))
    }
    return .object(members)
  }

  /// Null where none was asked for.
  private static func estimate(_ estimates: [Estimate]) -> JSONValue {
    if estimates.isEmpty { return .null }
    let sum = EstimateSum(estimates)
    let isLimit = if case .limited = sum.estimate.line { true } else { false }
    return .object([
      "pages": .integer(sum.estimate.pageCount),
      "bytes": .integer(sum.estimate.byteCount),
      "compressed_bytes": .optional(sum.estimate.compressedByteCount),
      "found_bytes": .integer(sum.estimate.foundByteCount),
      "bytes_per_second": .optional(sum.estimate.line.bytesPerSecond),
      "is_limit": .boolean(isLimit),
      "comparing_seconds": .number(sum.estimate.comparisonSeconds),
      "sending_seconds": .optional(sum.sendingSeconds),
      "seconds": .optional(sum.seconds),
    ])
  }

  private static func figures(
    _ figures: Counters.Snapshot, imageByteCount: UInt64
  ) -> [JSONValue.Member] {
    [
      member("image_bytes", .integer(imageByteCount)),
      member("scanned_bytes", .integer(figures.scanned)),
      member("equal_bytes", .integer(figures.equal)),
      member("zero_bytes", .integer(figures.zero)),
      member("found_bytes", .integer(figures.found)),
      member("sent_bytes", .integer(figures.sent)),
      member("wanted_bytes", .integer(figures.wanted)),
      member("wire_sent_bytes", .integer(figures.wireSent)),
      member("wire_received_bytes", .integer(figures.wireReceived)),
    ]
  }

  private static func member(_ name: String, _ value: JSONValue) -> JSONValue.Member {
    JSONValue.Member(name: name, value: value)
  }
}
