// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What `Tests/tools/manifest-check`, a second reader of manifests, finds in one: what it says of
/// its image, and whether that is so.
struct ManifestCheck: CustomStringConvertible {
  /// The state, or why nobody would believe it.
  var state: String
  /// So many statements about groups, which somebody would believe, were held against the image.
  var claimCount: Int
  /// Those that are not true.
  var lies: String

  var isTrue: Bool { lies.isEmpty }
  var description: String { "manifest \(state), \(claimCount) claims\n\(lies)" }

  init(_ manifest: String, of image: String, options: String...) throws {
    let outcome = try Command(
      [Tool.script("manifest-check")] + options + [manifest, image]
    ).run()
    let words = outcome.output.split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let count = Int(words[1]), [0, 1].contains(outcome.status) else {
      throw FixtureError("\(outcome)")
    }
    state = String(words[0])
    claimCount = count
    lies = outcome.error
    guard outcome.status == 1 || lies.isEmpty else { throw FixtureError("\(outcome)") }
  }
}
