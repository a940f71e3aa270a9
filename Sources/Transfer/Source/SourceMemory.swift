// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// What is remembered of the source: how much of it need not be read or hashed, and what this run
/// learns for the next one.
struct SourceMemory: Sendable {
  /// Nil where nothing is remembered.
  private(set) var manifest: Manifest?
  private var standing = Manifest.Standing.new
  private var readsSource = false
  private var isParanoid = false
  /// Of the image that the manifest was closed for, as long as its records are those of that one.
  private(set) var closedDigest: Digest?
  /// Whether every change since the image was opened gives it other times.
  private(set) var isSettled = false
  private(set) var notes: [String] = []

  static let nothing = SourceMemory()

  private init() {}

  init(of image: any CopySource, job: Job, at place: ManifestPlace) {
    guard job.keepsManifests, job.operation == .copy else { return }
    let finding = image.findManifest(place)
    manifest = finding.manifest
    standing = finding.standing
    notes = [finding.note].compactMap(\.self)
    readsSource = job.readsSource
    isParanoid = job.isParanoid
    isSettled = image.identity.isOlderThanTick
    if let header = finding.manifest?.currentHeader, header.state == .closed {
      closedDigest = header.imageDigest
    }
  }

  /// The same for a live copy, which cannot do without: where nothing can be kept for the next run
  /// it is kept for this one. Its times prove nothing: somebody has it open, and may have written
  /// after they were looked at and before he was tracked. So it is read, behind the beginning of
  /// the tracking.
  init(
    ofLive image: any CopySource, job: Job, at place: ManifestPlace
  ) throws(TransferError) {
    self.init(of: image, job: job, at: place)
    readsSource = true
    if manifest != nil { return }
    do throws(StorageError) {
      manifest = try .scratch(byteCount: image.byteCount, role: .source, name: image.name)
    } catch {
      throw TransferError(.source, error)
    }
  }

  /// What a pass may take from it. Where the names of all pages are needed, all is hashed.
  func scanMemory(passNumber: Int, needsAllPages: Bool) -> ScanMemory? {
    let trust = trust(passNumber: passNumber, needsAllPages: needsAllPages)
    let notesChanges = passNumber == 1 && closedDigest != nil && trust != .records
    return manifest.map { ScanMemory($0, trust: trust, notesChanges: notesChanges) }
  }

  private func trust(passNumber: Int, needsAllPages: Bool) -> ScanMemory.Trust {
    if passNumber > 1 || isParanoid || needsAllPages { return .nothing }
    switch standing {
    case .new: return .nothing
    case .whole(isProved: true): return readsSource ? .fingerprints : .records
    case .whole, .earlier, .interrupted: return .fingerprints
    }
  }

  /// The digest of the image, where that is proved without reading it.
  var provedDigest: Digest? {
    guard case .whole(isProved: true) = standing, !readsSource, !isParanoid else { return nil }
    return manifest?.currentHeader.imageDigest
  }

  /// Puts down what the image was during a pass in which it stood still. `isSettled` says that any
  /// change since then has other times. Gives what the user should know.
  func close(
    _ memory: ScanMemory?, identity: ImageIdentity, isSettled: Bool, digest: Digest, peer: String,
    name: String
  ) -> String? {
    guard let manifest else { return nil }
    if let lost = memory?.lost { return "no manifest is kept of \(name): \(lost)" }
    let header = manifest.currentHeader
    if header.state == .closed, header.imageDigest == digest, case .whole(isProved: true) = standing
    {
      return nil
    }
    var identity = identity
    // So that it is taken for an earlier state of itself.
    if !isSettled { identity.changedNanoseconds = ImageIdentity.noTime }
    do throws(StorageError) {
      try manifest.close(identity: identity, imageDigest: digest, peer: peer, name: name)
      return nil
    } catch {
      return "no manifest is kept of \(name): \(error)"
    }
  }
}
