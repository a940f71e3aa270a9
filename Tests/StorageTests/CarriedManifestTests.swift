// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Glibc
import Testing

@testable import Storage

/// What is remembered of a file that is replaced by its clone.
@Suite(
  .needsRootAnd("mkfs.xfs", "mkfs.btrfs", "mount"), .timeLimit(.minutes(2))
) struct CarriedManifestTests {
  let scratch = Scratch()
  private static let byteCount = (5 << 20) + 1000

  private func disk() throws -> ClonableDisk {
    let disk = try ClonableDisk(.xfs)
    disk.write(pattern(Self.byteCount), to: "a")
    usleep(20_000)
    return disk
  }

  private func open(_ disk: ClonableDisk, isAtomic: Bool = true) throws -> TargetImage {
    let request = TargetRequest(
      path: disk.file("a"), suggestedName: "", sourceByteCount: UInt64(Self.byteCount),
      isAtomic: isAtomic)
    return try TargetImage.open(request, within: .anything, on: scratch.machine)
  }

  private func record(_ seed: UInt64, groupCount: Int) -> ManifestRecord {
    ManifestRecord(
      zeroPages: PageSet(), groups: (0..<groupCount).map { Digest(seed, UInt64($0), 3, 4) },
      fingerprints: [Fingerprint](repeating: .unknown, count: groupCount))
  }

  /// Gives every segment a record, and closes it for the identity that the image has.
  private func fill(_ manifest: Manifest, seed: UInt64 = 0) throws -> Digest {
    try manifest.begin(.open)
    var folder = TreeFolder(shape: manifest.shape)
    for segment in 0..<6 {
      let record = record(seed + UInt64(segment), groupCount: segment == 5 ? 1 : 16)
      try manifest.put(record, of: segment)
      folder.append(segment: SegmentDigests.segment(record.groups))
    }
    return folder.finish()
  }

  private func remember(_ disk: ClonableDisk, _ place: ManifestPlace) throws {
    let target = try open(disk, isAtomic: false)
    let manifest = try #require(target.findManifest(place).manifest)
    let digest = try fill(manifest)
    try target.complete { identity in
      try? manifest.close(identity: identity, imageDigest: digest, peer: "peer", name: "a")
    }
  }

  /// As a run does: a record goes before the content does, and comes after it.
  private func replace(_ disk: ClonableDisk, _ place: ManifestPlace) throws {
    let target = try open(disk)
    let finding = target.findManifest(place)
    #expect(finding.standing == .whole(isProved: true), "\(place)")
    let manifest = try #require(finding.manifest)
    #expect(manifest.record(of: 3) == record(3, groupCount: 16))
    try manifest.begin(.open)
    try manifest.forget(0..<1)
    try target.write([1], at: 0)
    let digest = try fill(manifest, seed: 7)
    try target.complete { identity in
      try? manifest.close(identity: identity, imageDigest: digest, peer: "peer", name: "a")
    }
  }

  private var places: [ManifestPlace] { [.byKey, .path(scratch.file("a.man"))] }

  @Test func whatIsProvedOfTheFileIsProvedOfItsClone() throws {
    for place in places {
      let disk = try disk()
      try remember(disk, place)
      try replace(disk, place)
      let next = try open(disk, isAtomic: false).findManifest(place)
      #expect(next.standing == .whole(isProved: true))
      #expect(next.manifest?.record(of: 0) == record(7, groupCount: 16))
    }
    #expect(scratch.unfinishedMarks.count == 1, "that of the old file is gone")
  }

  @Test func ofAChangedFileOnlyFingerprintsCount() throws {
    let disk = try disk()
    try remember(disk, .byKey)
    let file = try SystemCalls.kernel.open(disk.file("a"), in: AT_FDCWD, flags: O_RDWR)
    let failure = [UInt8(1)].withUnsafeBytes { file.writeAll($0, at: 0).failure }
    #expect(failure == nil)
    try file.close()
    let finding = try open(disk).findManifest(.byKey)
    #expect(finding.standing == .earlier && finding.manifest != nil)
  }

  @Test func ofAFileOfWhichNothingIsKnownNothingIsCarried() throws {
    let disk = try disk()
    let finding = try open(disk).findManifest(.byKey)
    #expect(finding.standing == .new && finding.note == nil)
  }

  @Test func aDamagedOneIsNotCarriedAsProof() throws {
    let disk = try disk()
    try remember(disk, .byKey)
    let name = try #require(scratch.unfinishedMarks.first)
    let path = scratch.file("state/" + name)
    var bytes = try #require(FileManager.default.contents(atPath: path))
    bytes[5000] ^= 1
    #expect(FileManager.default.createFile(atPath: path, contents: bytes))
    let finding = try open(disk).findManifest(.byKey)
    #expect(finding.standing == .earlier)
  }

  /// Killed before its first write, and after it.
  @Test(arguments: [false, true])
  func aRunThatGoesOnKnowsWhatItKnew(hasWritten: Bool) throws {
    let disk = try disk()
    try remember(disk, .byKey)
    do {
      let target = try open(disk)
      let manifest = try #require(target.findManifest(.byKey).manifest)
      try target.markUnfinished()
      if hasWritten {
        try manifest.begin(.open)
        try manifest.forget(0..<1)
        try manifest.synchronize()
        try target.write([1], at: 0)
      }
      target.abandon()
    }
    let again = try open(disk)
    #expect(again.wasUnfinished)
    let finding = again.findManifest(.byKey)
    #expect(finding.standing == (hasWritten ? .interrupted : .whole(isProved: true)))
    let manifest = try #require(finding.manifest)
    #expect(manifest.record(of: 3) == record(3, groupCount: 16))
    #expect((manifest.record(of: 0) == nil) == hasWritten)
    #expect(again.isRemembered(by: manifest))
  }

  @Test func whatIsNotBegunLeavesTheOldOneAlone() throws {
    let disk = try disk()
    try remember(disk, .byKey)
    let before = scratch.unfinishedMarks
    let target = try open(disk)
    #expect(target.findManifest(.byKey).standing == .whole(isProved: true))
    target.abandon()
    #expect(scratch.unfinishedMarks == before)
    #expect(
      try open(disk, isAtomic: false).findManifest(.byKey).standing == .whole(isProved: true))
  }
}
