// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What `--json` printed: one object a line, the last of them the one result.
struct JSONLines {
  var objects: [[String: Any]]

  init(_ text: String) throws {
    objects = try text.split(separator: "\n").map { line in
      guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      else { throw FixtureError("no object: \(line)") }
      return object
    }
  }

  func ofType(_ type: String) -> [[String: Any]] {
    objects.filter { $0["type"] as? String == type }
  }

  /// Exactly one, and it is the last.
  var result: [String: Any] {
    get throws {
      guard ofType("result").count == 1, let last = objects.last,
        last["type"] as? String == "result"
      else { throw FixtureError("not one result at the end: \(objects)") }
      return last
    }
  }

  /// A figure of the result.
  func figure(_ name: String) throws -> UInt64 {
    guard let number = try result[name] as? NSNumber else {
      throw FixtureError("no \(name) in the result")
    }
    return number.uint64Value
  }
}
