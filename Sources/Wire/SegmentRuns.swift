// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// What the target holds in segments that follow each other: runs of zero segments, and runs
/// of segments with a digest each. Built by appending until `isFull`.
package struct SegmentRuns: Equatable, Sendable {
  package enum Run: Equatable, Sendable {
    case zero(count: Int)
    case digests(NodeDigests)

    package var count: Int {
      switch self {
      case .zero(let count): count
      case .digests(let digests): digests.count
      }
    }
  }

  package var first: Int
  package private(set) var runs: [Run] = []
  package private(set) var segmentCount = 0
  private let width: DigestWidth
  private var digestCount = 0

  /// Empty, and to begin at segment `first`.
  package init(first: Int, width: DigestWidth) {
    self.first = first
    self.width = width
  }

  /// The segments it speaks of.
  package var range: Range<Int> { first..<first + segmentCount }
  package var isEmpty: Bool { segmentCount == 0 }

  /// Whether nothing more may be appended to this one.
  package var isFull: Bool {
    runs.count >= WireLimits.runsPerMessage || digestCount >= WireLimits.digestsPerMessage
  }

  package mutating func append(zeroSegments count: Int) {
    precondition(!isFull && count > 0, "a run of zero segments does not fit")
    if case .zero(let before) = runs.last {
      runs[runs.count - 1] = .zero(count: before + count)
    } else {
      runs.append(.zero(count: count))
    }
    segmentCount += count
  }

  package mutating func append(_ digest: Digest) {
    precondition(!isFull, "a digest does not fit")
    if case .digests(var digests) = runs.last {
      runs.removeLast()
      digests.append(digest)
      runs.append(.digests(digests))
    } else {
      runs.append(.digests(NodeDigests([digest], width: width)))
    }
    segmentCount += 1
    digestCount += 1
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    width = reader.width
    first = try reader.segment("first segment")
    let runCount = try reader.checked(
      reader.uint16("runs"), "runs", in: 1...WireLimits.runsPerMessage)
    runs.reserveCapacity(runCount)
    for _ in 0..<runCount { try appendRun(from: &reader) }
  }

  private enum RunKind: UInt8, CaseIterable {
    case zero = 0
    case digests = 1
  }

  private mutating func appendRun(from reader: inout PayloadReader) throws(WireError) {
    switch try reader.choice("run", of: RunKind.self) {
    case .zero:
      let count = try reader.segmentCount("zero segments", from: first + segmentCount)
      runs.append(.zero(count: count))
      segmentCount += count
    case .digests:
      let count = Int(try reader.uint16("digests"))
      try reader.checkSegments(count, "digests", from: first + segmentCount)
      digestCount += count
      _ = try reader.checked(
        UInt(digestCount), "digests of all runs", in: 1...WireLimits.digestsPerMessage)
      runs.append(.digests(try reader.nodeDigests(count, "digests")))
      segmentCount += count
    }
  }

  func write(to writer: inout PayloadWriter) {
    precondition(!runs.isEmpty && range.upperBound <= WireLimits.segmentCount)
    writer.write(UInt64(first))
    writer.write(UInt16(runs.count))
    for run in runs {
      switch run {
      case .zero(let count):
        writer.write(RunKind.zero.rawValue)
        writer.write(UInt64(count))
      case .digests(let digests):
        writer.write(RunKind.digests.rawValue)
        writer.write(UInt16(digests.count))
        writer.write(digests)
      }
    }
  }
}
