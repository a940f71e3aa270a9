// SPDX-License-Identifier: Apache-2.0

import Blocks
package import Storage

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

  package init(_ manifest: Manifest, trust: Trust, beginning: ManifestHeader.State = .stale) {
    self.manifest = manifest
    self.trust = trust
    self.beginning = beginning
  }

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

  /// Puts down what was found by reading.
  func learn(_ digests: SegmentDigests?, _ fingerprints: [Fingerprint], of segment: Int) {
    if lost != nil { return }
    do throws(StorageError) {
      let before = manifest.entry(of: segment)
      if let digests {
        let record = ManifestRecord(
          zeroPages: digests.zeroPages, groups: digests.groups, fingerprints: fingerprints)
        if case .record(record) = before { return }
        try manifest.begin(beginning)
        try manifest.put(record, of: segment)
      } else if case .record = before {
        try manifest.begin(beginning)
        try manifest.forget(segment..<segment + 1)
      }
    } catch {
      failure.update { $0 = $0 ?? error }
    }
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
