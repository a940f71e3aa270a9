// SPDX-License-Identifier: Apache-2.0

/// What an optimal mover would have to send to make one image of another, counted by a program
/// that shares nothing with blkmove.
struct PageCensus: Sendable {
  /// Pages that differ from the page in the same place.
  var differing: UInt64
  /// 1 MiB segments in which at least one page differs.
  var differingSegments: UInt64
  /// Contents of the source's pages that the target holds nowhere, each counted once.
  var missing: UInt64
  /// All segments, holes too.
  var segments: UInt64

  static func of(source: ImageFile, target: ImageFile) throws -> PageCensus {
    let output = try Command.succeed(Tool.script("page-census"), source.path, target.path)
    let figures = output.split(separator: " ").compactMap { UInt64($0) }
    guard figures.count == 4 else { throw FixtureError("page-census: \(output)") }
    return PageCensus(
      differing: figures[0], differingSegments: figures[1], missing: figures[2],
      segments: figures[3])
  }
}
