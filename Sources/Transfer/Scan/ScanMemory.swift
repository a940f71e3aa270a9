// SPDX-License-Identifier: Apache-2.0

import Blocks
package import Storage
import Wire

/// What a scan knows of an image before it reads it, and where it leaves what it learns.
///
/// ## Concurrency
/// Used by all threads of a scan, each with a segment of its own.
package final class ScanMemory: Sendable {
  package enum Trust: Sendable {
    /// All is read and hashed.
    case nothing
    /// All is read; groups whose fingerprint is the same keep their digest.
    case fingerprints
    /// What has a record is not read.
    case records
  }

  package let manifest: Manifest
  package let trust: Trust
  /// What the records are worth once the first of them is changed.
  private let beginning: ManifestHeader.State
  private let failure = Monitor<StorageError?>(nil)
  /// Nil where nobody asks.
  private let changes: Monitor<[Int: Change]>?

  /// What a segment was in the image that the manifest was closed for, where it is another now.
  enum Change {
    case fromZero, fromData
  }

  /// Who `notesChanges` takes each of them, and puts whole segments of zeros down himself.
  package init(
    _ manifest: Manifest, trust: Trust, beginning: ManifestHeader.State = .stale,
    notesChanges: Bool = false
  ) {
    self.manifest = manifest
    self.trust = trust
    self.beginning = beginning
    changes = notesChanges ? Monitor([:]) : nil
  }

  var notesChanges: Bool { changes != nil }

  /// Why the manifest can be kept no longer. The run goes on without it.
  package var lost: StorageError? { failure.peek { $0 } }

  /// What the records say of a segment, where they are to be believed.
  func remembered(_ segment: Int) -> Manifest.Entry {
    trust == .records ? manifest.entry(of: segment) : .unknown
  }

  /// The next segment of which something may be known; those before it are zero. Nil where the
  /// image has to be asked.
  func zeroEnd(from segment: Int) -> Int? {
    guard trust == .records, manifest.currentHeader.state == .closed else { return nil }
    return manifest.nextRecord(from: segment)
  }

  /// What the records of a closed manifest, all of which are believed, say from a segment on.
  func known(from segment: Int) -> Ledger.Known {
    let next = manifest.nextRecord(from: segment)
    if next > segment { return .zero(end: next) }
    guard let record = manifest.record(of: segment) else { return .zero(end: segment + 1) }
    let shape = manifest.shape
    return .segment(
      Ledger.Entry(
        digest: SegmentDigests.segment(record.groups),
        zeroByteCount: shape.byteCount(of: record.zeroPages, inSegment: segment)))
  }

  /// Puts down what was found by reading.
  func learn(_ digests: SegmentDigests?, _ fingerprints: [Fingerprint], of segment: Int) {
    if lost != nil { return }
    do throws(StorageError) {
      let before = manifest.record(of: segment)
      if before?.groups != digests?.groups {
        changes?.peek { $0[segment] = before == nil ? .fromZero : .fromData }
      }
      if let digests {
        let record = ManifestRecord(
          zeroPages: digests.zeroPages, groups: digests.groups, fingerprints: fingerprints)
        if record == before { return }
        try manifest.begin(beginning)
        try manifest.put(record, of: segment)
      } else if before != nil {
        try manifest.begin(beginning)
        try manifest.forget(segment..<segment + 1)
      }
    } catch {
      failure.update { $0 = $0 ?? error }
    }
  }

  /// What became of a segment that was read, once; nil when it is what it was. Where that is not
  /// known any more it may be anything.
  func takeChange(of segment: Int) -> Change? {
    if lost != nil { return .fromData }
    return changes?.peek { $0.removeValue(forKey: segment) }
  }

  /// The segments of zeros in a range that were data before. To be asked before they are learnt.
  func changes(toZeros segments: Range<Int>) -> [Range<Int>] {
    if lost != nil { return [segments] }
    var result: [Range<Int>] = []
    var segment = segments.lowerBound
    while segment < segments.upperBound {
      let wasData = takeChange(of: segment) != nil || manifest.record(of: segment) != nil
      if wasData, let last = result.last, last.upperBound == segment {
        result[result.count - 1] = last.lowerBound..<segment + 1
      } else if wasData {
        result.append(segment..<segment + 1)
      }
      segment += 1
      // A segment that was read has left no trace but its note.
      if segments.count > 1 { segment = manifest.nextRecord(from: segment) }
    }
    return result
  }

  /// Puts down that whole segments are a hole.
  func learn(zeros segments: Range<Int>) {
    if lost != nil || manifest.nextRecord(from: segments.lowerBound) >= segments.upperBound {
      return
    }
    do throws(StorageError) {
      try manifest.begin(beginning)
      try manifest.forget(segments)
    } catch {
      failure.update { $0 = $0 ?? error }
    }
  }
}
