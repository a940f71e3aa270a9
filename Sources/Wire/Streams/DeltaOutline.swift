// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// A piece of the first part of a delta: what each segment was and what it becomes. Whoever holds
/// the target knows from it, before anything is changed, whether the delta fits. Built by
/// appending until `isFull`.
package struct DeltaOutline: Equatable, Sendable {
  /// Segments that follow each other, of one kind.
  package struct Run: Equatable, Sendable {
    package enum Kind: UInt8, CaseIterable, Sendable {
      /// Zero, and stays so.
      case zero = 0
      /// Stays as it is; its digest.
      case same = 1
      /// The digest before, and the one after.
      case changed = 2
      /// Becomes zero; the digest before.
      case cleared = 3
      /// The base has none of that length; the digest after.
      case added = 4
      /// The base has none of that length; becomes zero.
      case addedZero = 5

      package var digestsPerSegment: Int {
        switch self {
        case .zero, .addedZero: 0
        case .same, .cleared, .added: 1
        case .changed: 2
        }
      }
    }

    package var kind: Kind
    package var count: Int
    /// Those of each segment side by side.
    package var digests: [Digest]

    package init(_ kind: Kind, count: Int, digests: [Digest] = []) {
      precondition(count > 0 && digests.count == count * kind.digestsPerSegment)
      self.kind = kind
      self.count = count
      self.digests = digests
    }

    /// What the segments are before; nil where they are not said to be anything.
    package func before(_ index: Int) -> Digest? {
      switch kind {
      case .same, .cleared: digests[index]
      case .changed: digests[2 * index]
      case .zero, .added, .addedZero: nil
      }
    }

    /// What they become; nil is zero.
    package func after(_ index: Int) -> Digest? {
      switch kind {
      case .same, .added: digests[index]
      case .changed: digests[2 * index + 1]
      case .zero, .cleared, .addedZero: nil
      }
    }
  }

  package let first: Int
  package private(set) var runs: [Run] = []
  package private(set) var segmentCount = 0
  private var digestCount = 0

  /// Empty, and to begin at segment `first`.
  package init(first: Int) { self.first = first }

  package var isEmpty: Bool { runs.isEmpty }
  /// The first segment that it does not speak of.
  package var end: Int { first + segmentCount }

  /// Whether nothing more may be appended to this one.
  package var isFull: Bool {
    runs.count >= StreamLimits.runsPerRecord || digestCount + 2 > StreamLimits.digestsPerRecord
  }

  /// Appends one segment, or a run of those that need no digest.
  package mutating func append(_ run: Run) {
    precondition(!isFull && run.digests.count <= 2, "a run does not fit")
    if runs.last?.kind == run.kind {
      runs[runs.count - 1].count += run.count
      runs[runs.count - 1].digests += run.digests
    } else {
      runs.append(run)
    }
    segmentCount += run.count
    digestCount += run.digests.count
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    first = try reader.segment("first segment")
    let runCount = try reader.checked(
      reader.uint16("runs"), "runs", in: 1...StreamLimits.runsPerRecord)
    runs.reserveCapacity(runCount)
    for _ in 0..<runCount {
      let kind = try reader.choice("run", of: Run.Kind.self)
      let count = try reader.segmentCount("segments", from: end)
      var digests: [Digest] = []
      if kind.digestsPerSegment > 0 {
        // Before it is multiplied: a count of segments may be as large as an image.
        _ = try reader.checked(UInt64(count), "segments", in: 1...StreamLimits.digestsPerRecord)
        digestCount += count * kind.digestsPerSegment
        _ = try reader.checked(
          UInt64(digestCount), "digests of all runs", in: 1...StreamLimits.digestsPerRecord)
        digests = try reader.digests(count * kind.digestsPerSegment, "digests")
      }
      runs.append(Run(kind, count: count, digests: digests))
      segmentCount += count
    }
  }

  func write(to writer: inout PayloadWriter) {
    precondition(!runs.isEmpty && end <= WireLimits.segmentCount)
    writer.write(UInt64(first))
    writer.write(UInt16(runs.count))
    for run in runs {
      writer.write(run.kind.rawValue)
      writer.write(UInt64(run.count))
      writer.write(run.digests)
    }
  }
}

extension PayloadReader {
  /// `count` whole digests; the caller has compared `count` with its limit.
  mutating func digests(_ count: Int, _ field: String) throws(WireError) -> [Digest] {
    var digests: [Digest] = []
    if remainingByteCount < count * Digest.byteCount {
      throw error(
        field, found: "\(remainingByteCount) bytes left",
        allowed: "\(count * Digest.byteCount) bytes")
    }
    digests.reserveCapacity(count)
    for _ in 0..<count { digests.append(try digest(field)) }
    return digests
  }
}
