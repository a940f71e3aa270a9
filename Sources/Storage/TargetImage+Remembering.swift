// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// What is remembered of a target between two runs.
extension TargetImage {
  /// Opens its manifest. A dry run has none: it looks for itself.
  package func findManifest(_ place: ManifestPlace) -> Manifest.Finding {
    let nothing = Manifest.Finding(manifest: nil, standing: .new)
    if isDryRun { return nothing }
    if place != .none { carryManifest(place) }
    guard let identity = try? identity() else { return nothing }
    let finding = Manifest.find(
      place, of: key, identity: identity, role: .target, name: name, on: machine)
    state.withLock { $0.keepsManifest = finding.manifest != nil }
    return finding
  }

  /// Whether nobody has written to it for long after the run that `manifest` speaks of.
  package func isRemembered(by manifest: Manifest) -> Bool {
    guard let identity = try? identity() else { return false }
    return manifest.isNewerThan(identity)
  }

  private func identity() throws(StorageError) -> ImageIdentity {
    ImageIdentity(try descriptor.status(of: name), kind: kind, byteCount: byteCount)
  }

  /// The identity from which every later change tells itself apart: file systems count time in
  /// ticks, and two changes within one look like one.
  func settledIdentity() throws(StorageError) -> ImageIdentity {
    var identity = try identity()
    if kind == .device { return identity }
    for _ in 0..<Self.patienceTicks {
      if identity.isOlderThanTick { return identity }
      usleep(UInt32(ImageIdentity.tickNanoseconds / 1000))
      identity = try self.identity()
    }
    // It never stands for the present state of the image: the next run looks at it again.
    if !identity.isOlderThanTick { identity.changedNanoseconds = ImageIdentity.noTime }
    return identity
  }

  private static let patienceTicks = 5
}

extension ImageIdentity {
  /// The coarsest tick by which a kernel of today stamps files.
  static let tickNanoseconds: Int64 = 10_000_000
  /// Of file systems that keep no such stamps, but seconds or pairs of them.
  private static let coarseTickNanoseconds: Int64 = 2_500_000_000
  /// The time of no file.
  package static let noTime: Int64 = -1

  /// Whether a change that comes now gets other times.
  package var isOlderThanTick: Bool {
    let newest = max(changedNanoseconds, modifiedNanoseconds)
    let tick =
      newest % Self.tickNanoseconds == 0 ? Self.coarseTickNanoseconds : Self.tickNanoseconds
    return Self.nowNanoseconds &- newest > tick
  }

  /// By the clock that files are stamped with.
  static var nowNanoseconds: Int64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) &* 1_000_000_000 &+ Int64(now.tv_nsec)
  }
}
