// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// What is remembered of the target, and how it is kept true while the target changes: before
/// something is overwritten, what is remembered of it goes, on stable storage; what takes its place
/// is remembered when it is on stable storage itself.
///
/// A manifest that cannot be kept is given up, and the run goes on.
///
/// ## Concurrency
/// Used by the engine's thread, but for what a scan learns.
final class TargetMemory {
  let manifest: Manifest
  private let image: any CopyTarget
  private let shape: ImageShape
  private let standing: Manifest.Standing
  private let job: Job
  /// The image at the other end.
  private let peer: String
  /// Nothing of what was remembered is believed any more.
  private(set) var isDistrusted = false
  private var hasForgottenAll = false
  private var pending: [Int: ManifestRecord] = [:]
  private var checkpointTime = Clock.now
  private var touchTime = Clock.now
  private var isChanging = false
  private(set) var failure: StorageError?
  private(set) var notes: [String] = []
  /// Told at once what comes up while the run goes on.
  var tell: ((String) -> Void)?

  /// Nil where nothing is remembered.
  init?(_ finding: Manifest.Finding, of image: any CopyTarget, job: Job, peer: String) {
    guard let manifest = finding.manifest, manifest.shape.byteCount == image.byteCount else {
      return nil
    }
    self.manifest = manifest
    self.image = image
    self.job = job
    self.peer = peer
    shape = manifest.shape
    standing = finding.standing
  }

  // MARK: What is believed

  /// How far a pass believes what is remembered.
  private func trust(passNumber: Int) -> ScanMemory.Trust {
    if passNumber > 1 || isDistrusted || job.isParanoid { return .nothing }
    switch standing {
    case .new: return .nothing
    case .earlier: return .fingerprints
    case .interrupted:
      // A device does not tell whether somebody else wrote to it meanwhile.
      let isAlone = image.kind == .file ? isUntouched : job.trustsTarget
      return image.wasUnfinished && isAlone ? .records : .fingerprints
    case .whole(let isProved): return isProved || job.trustsTarget ? .records : .fingerprints
    }
  }

  private var isUntouched: Bool { image.isRemembered(by: manifest) }

  /// What the target's image is, if that is known without reading it.
  var knownDigest: Digest? {
    guard case .whole = standing, trust(passNumber: 1) == .records else { return nil }
    return manifest.currentHeader.imageDigest
  }

  /// For the scan of a pass.
  func scanMemory(passNumber: Int) -> ScanMemory {
    let trust = trust(passNumber: passNumber)
    return ScanMemory(manifest, trust: trust, beginning: trust == .records ? .open : .stale)
  }

  /// Reads some groups of the target although they are remembered. Drift is told, and ends the
  /// trust.
  func spotCheck() throws(TransferError) {
    guard trust(passNumber: 1) == .records else { return }
    let finder = PageFinder(image: image, shape: shape)
    do throws(StorageError) {
      for _ in 0..<job.spotCheckCount where shape.segmentCount > 0 {
        let segment = manifest.nextRecord(from: Int.random(in: 0..<shape.segmentCount))
        guard segment < shape.segmentCount, let record = manifest.record(of: segment) else {
          continue
        }
        let group = Int.random(in: 0..<record.groups.count)
        let pages = try finder.pages(ofGroup: group, of: segment)
        if SegmentDigests.group(pages.span) != record.groups[group] { return distrust(segment) }
      }
    } catch {
      throw TransferError(.target, error)
    }
  }

  /// The target is not what is remembered of it.
  func distrust(_ segment: Int) {
    if isDistrusted { return }
    isDistrusted = true
    let offset = shape.segmentRange(segment).lowerBound
    note(
      "WARNING: \(image.name) was changed behind its manifest, near byte \(offset): "
        + "somebody else writes to it, or its disk is failing; all of it is read again")
  }
}

// MARK: - While the target changes

extension TargetMemory {
  /// The first thing in a run. What is read now was perhaps written by a run that was killed.
  func begin() throws(StorageError) {
    if !image.startsZero { try image.synchronize() }
  }

  /// These segments are about to be overwritten.
  func willChange(_ segments: [Range<Int>]) {
    attempt { () throws(StorageError) in
      isChanging = true
      let isResumable = image.startsZero || trust(passNumber: 1) == .records
      try manifest.begin(isResumable ? .open : .stale)
      for range in segments {
        try manifest.forget(range)
        for segment in range where pending[segment] != nil { pending[segment] = nil }
      }
      if !segments.isEmpty { try manifest.synchronize() }
    }
  }

  /// Everything is about to be overwritten, and nobody looks at what is there.
  func willChangeAll() {
    if hasForgottenAll { return }
    hasForgottenAll = true
    willChange([0..<shape.segmentCount])
  }

  /// A segment was written, or found to be as it should be.
  func changed(_ segment: Int, _ digests: SegmentDigests) {
    let unknown = [Fingerprint](repeating: .unknown, count: digests.groups.count)
    pending[segment] =
      digests.isZero
      ? nil
      : ManifestRecord(
        zeroPages: digests.zeroPages, groups: digests.groups, fingerprints: unknown)
  }

  /// Before the rounds of a live copy: what is remembered is worth little from now on.
  func beginRounds() throws(StorageError) {
    if let failure { throw failure }
    try manifest.beginRounds()
  }

  /// In a round, where nothing waits for the disk but its end.
  func know(_ digests: SegmentDigests, of segment: Int) throws(StorageError) {
    if digests.isZero { return try manifest.forget(segment..<segment + 1) }
    let unknown = [Fingerprint](repeating: .unknown, count: digests.groups.count)
    try manifest.put(
      ManifestRecord(
        zeroPages: digests.zeroPages, groups: digests.groups, fingerprints: unknown),
      of: segment)
  }

  /// From time to time: so much at most is read or sent again after an interruption.
  func checkpointIfDue() throws(StorageError) {
    if pending.count >= Self.checkpointCount
      || !pending.isEmpty && Clock.now - checkpointTime >= Self.checkpointSeconds
    {
      try checkpoint()
    } else if isChanging && Clock.now - touchTime >= Self.heartbeatSeconds {
      touchTime = Clock.now
      attempt { () throws(StorageError) in try manifest.touch() }
    }
  }

  private static let heartbeatSeconds = 1.0
  private static let checkpointCount = 4096
  private static let checkpointSeconds = 5.0

  /// Data first, then what is said of it.
  func checkpoint() throws(StorageError) {
    try image.synchronize()
    attempt { () throws(StorageError) in
      for (segment, record) in pending { try manifest.put(record, of: segment) }
      try manifest.touch()
    }
    pending = [:]
    checkpointTime = Clock.now
    touchTime = checkpointTime
  }

  /// The target is complete, is this image, and is on stable storage.
  func close(identity: ImageIdentity, digest: Digest) {
    let header = manifest.currentHeader
    if header.state == .closed, header.imageDigest == digest,
      header.identity.isSameState(as: identity)
    {
      return
    }
    attempt { () throws(StorageError) in
      for (segment, record) in pending { try manifest.put(record, of: segment) }
      try manifest.close(
        identity: identity, imageDigest: digest, peer: peer, name: image.name)
    }
    pending = [:]
  }

  private func note(_ text: String) {
    notes.append(text)
    tell?(text)
  }

  private func attempt(_ body: () throws(StorageError) -> Void) {
    if failure != nil { return }
    do throws(StorageError) {
      try body()
    } catch {
      failure = error
      note("no manifest is kept of \(image.name): \(error)")
      manifest.discard()
    }
  }
}
