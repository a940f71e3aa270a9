// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What `blkmove status` says of an image after a run of which nobody knows how far it came.
struct Remembered: CustomStringConvertible {
  /// Marked as unfinished, or not there yet.
  var isUnfinished: Bool
  /// Where the bytes are that have arrived: under its own name or under that of the part file.
  var place: String
  var manifest: String?

  var description: String { "unfinished: \(isUnfinished), in \(place), \(manifest ?? "nothing")" }

  /// Nil when neither the image nor a part of it is there.
  init?(_ path: String, environment: [String: String]) throws {
    var command = Command(Blkmove.binary, "status", "--json", path)
    command.environment = environment
    let outcome = try command.run()
    if outcome.status != 0, outcome.error.contains("No such file") { return nil }
    guard outcome.status == 0,
      let status = try JSONLines(outcome.output).ofType("status").first,
      let isUnfinished = status["is_unfinished"] as? Bool
    else { throw FixtureError("\(outcome)") }
    self.isUnfinished = isUnfinished
    place = status["part_file"] as? String ?? path
    manifest = status["manifest"] as? String
  }

  /// Nil where nothing is remembered.
  func check() throws -> ManifestCheck? {
    try manifest.map { try ManifestCheck($0, of: place) }
  }
}
