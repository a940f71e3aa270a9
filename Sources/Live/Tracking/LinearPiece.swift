// SPDX-License-Identifier: Apache-2.0

import Transfer

/// A stretch of a device-mapper device that lies on another device as it is: what logical volumes
/// are made of. All is in sectors.
struct LinearPiece: Equatable {
  var first: UInt64
  var count: UInt64
  /// `8:3`.
  var device: String
  /// Where it begins there.
  var start: UInt64

  /// Nil when a line is not a linear piece: `0 204800 linear 253:1 2048`.
  static func parse(_ lines: [String]) -> [LinearPiece]? {
    var result: [LinearPiece] = []
    for line in lines {
      let words = line.split(separator: " ")
      guard words.count == 5, words[2] == "linear", let first = UInt64(words[0]),
        let count = UInt64(words[1]), let start = UInt64(words[4]),
        max(first, count, start) < 1 << 54
      else { return nil }
      result.append(
        LinearPiece(first: first, count: count, device: String(words[3]), start: start))
    }
    return result.isEmpty ? nil : result
  }

  static func table(
    of number: String, _ path: String
  ) throws(TransferError) -> [LinearPiece] {
    let parts = number.split(separator: ":")
    let command = ChildCommand(
      ["dmsetup", "table", "-j", String(parts[0]), "-m", String(parts[1])], timeoutSeconds: 10)
    var lines: [String] = []
    let ending = try command.run { lines.append($0) }
    if let failure = ending.failure {
      throw TracedExtent.error(path, "dmsetup: \(failure)\(lines.last.map { ": \($0)" } ?? "")")
    }
    guard let pieces = parse(lines) else {
      throw TracedExtent.error(path, "it is more than linear pieces of disks")
    }
    return pieces
  }
}
