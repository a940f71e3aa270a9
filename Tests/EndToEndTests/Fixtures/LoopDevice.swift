// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A block device over a file, detached when no one holds it any more.
final class LoopDevice: Sendable {
  let path: String
  let backing: String
  private let duty: Int

  init(over file: String, isReadOnly: Bool = false) throws {
    backing = file
    var words = ["losetup", "-f", "--show"]
    if isReadOnly { words.append("-r") }
    // Another process may take the free device first; that is no fault of this one.
    var last: Outcome?
    for _ in 0..<5 {
      let outcome = try Command(words + [file]).run()
      if outcome.status == 0 {
        path = outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
        duty = Janitor.shared.atEnd("losetup -d \(path)")
        return
      }
      last = outcome
    }
    throw FixtureError("no loop device: \(last!)")
  }

  /// A device of so many bytes, all zero.
  convenience init(byteCount: UInt64, in scratch: Scratch) throws {
    try self.init(over: try ImageFile.make(in: scratch, byteCount: byteCount).path)
  }

  deinit {
    Janitor.shared.forget(duty)
    _ = try? Command("losetup", "-d", path).run()
  }
}
