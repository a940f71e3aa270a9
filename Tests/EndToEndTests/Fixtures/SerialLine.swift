// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a guest has said on its serial line, which QEMU writes to a file.
struct SerialLine: Sendable {
  let path: String

  var bytes: Data { FileManager.default.contents(atPath: path) ?? Data() }
  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The numbers behind a word at the beginning of lines. A line that is not whole yet does not
  /// count.
  private func numbers(after word: String) -> [UInt64] {
    let prefix = Data(word.utf8)
    return bytes.split(separator: 10, omittingEmptySubsequences: false).dropLast().compactMap {
      guard $0.starts(with: prefix) else { return nil }
      let digits = $0.dropFirst(prefix.count).prefix { (48...57).contains($0) }
      return UInt64(String(decoding: digits, as: UTF8.self))
    }
  }

  /// Every number that was acknowledged.
  var acknowledged: [UInt64] { numbers(after: "ACK ") }
  var lastAcknowledged: UInt64 { acknowledged.last ?? 0 }

  /// How many signs of life there were, of any kind.
  var signCount: Int { numbers(after: "ACK ").count + numbers(after: "PULSE ").count }
}
