// SPDX-License-Identifier: Apache-2.0

/// What `Tests/tools/check-guest` says of the disks of a guest.
struct GuestCheck: CustomStringConvertible, Sendable {
  let outcome: Outcome

  /// All that was acknowledged is there, and each file system is sound.
  var isWhole: Bool { outcome.status == 0 }
  var isSoundFileSystem: Bool { !outcome.output.contains("fsck: ") }
  var lostCount: Int { figure("lost") }
  var tornCount: Int { figure("torn") }
  /// The newest block that is there; it may be newer than the last that was acknowledged.
  var newest: Int { figure("newest") }
  var description: String { "\(outcome)" }

  /// From the last line, which is "acknowledged 1 newest 2 lost 3 torn 4".
  private func figure(_ name: String) -> Int {
    let words = outcome.output.split(separator: "\n").last?.split(separator: " ") ?? []
    let place = words.firstIndex { $0 == name } ?? words.endIndex
    return words.dropFirst(words.distance(from: words.startIndex, to: place) + 1).first
      .flatMap { Int($0) } ?? -1
  }
}
