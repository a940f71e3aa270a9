// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Glibc
import Testing

@testable import Storage

/// What is remembered of an image: believed as far as it can be, and no further.
@Suite(.timeLimit(.minutes(1))) struct ManifestTests {
  let scratch = Scratch()
  private let byteCount: UInt64 = (5 << 20) + 1000

  private func image(_ name: String = "image") -> String {
    scratch.write(pattern(Int(byteCount)), to: name)
    // Times of this moment are not told from those of a change that comes at once.
    usleep(20_000)
    return scratch.file(name)
  }

  private func find(_ path: String, _ role: ManifestHeader.Role = .target) throws
    -> Manifest.Finding
  {
    if role == .source {
      return try SourceImage.open(
        path, within: .anything, isForced: true, on: scratch.machine
      ).findManifest(.byKey)
    }
    let request = TargetRequest(
      path: path, suggestedName: "", sourceByteCount: byteCount, sizePolicy: .resize)
    return try TargetImage.open(request, within: .anything, on: scratch.machine)
      .findManifest(.byKey)
  }

  /// Lets go of the manifest at once.
  private func standing(_ path: String, _ role: ManifestHeader.Role = .target) throws
    -> Manifest.Standing
  {
    try find(path, role).standing
  }

  private func record(_ seed: UInt64, groupCount: Int = 16) -> ManifestRecord {
    ManifestRecord(
      zeroPages: PageSet(words: SIMD4(seed, 0, 1, 2)),
      groups: (0..<groupCount).map { Digest(seed, UInt64($0), 3, 4) },
      fingerprints: (0..<groupCount).map { Fingerprint(low: seed, high: UInt64($0)) })
  }

  /// Of the image whose segments have these records, and are zero without one.
  private func digest(of manifest: Manifest) -> Digest {
    var folder = TreeFolder(shape: manifest.shape)
    for segment in 0..<manifest.shape.segmentCount {
      if let record = manifest.record(of: segment) {
        folder.append(segment: SegmentDigests.segment(record.groups))
      } else {
        folder.appendZeroSegments(1)
      }
    }
    return folder.finish()
  }

  /// A record that could not be written would be taken for zeros by the next run.
  @Test func withARecordMissingItIsNotClosed() throws {
    let path = image()
    let manifest = try #require(try find(path).manifest)
    try manifest.begin(.open)
    for segment in 0..<5 { try manifest.put(record(UInt64(segment)), of: segment) }
    let whole = digest(of: manifest)
    try manifest.forget(3..<4)
    #expect(throws: StorageError.self) {
      try manifest.close(identity: identity(path), imageDigest: whole, peer: "", name: path)
    }
    #expect(manifest.currentHeader.state == .open)
  }

  /// Fills and closes the manifest of an image, and lets go of it.
  private func remember(_ path: String, _ role: ManifestHeader.Role = .target) throws {
    let manifest = try #require(try find(path, role).manifest)
    try manifest.begin(.open)
    for segment in 0..<6 {
      try manifest.put(record(UInt64(segment), groupCount: segment == 5 ? 1 : 16), of: segment)
    }
    try manifest.close(
      identity: identity(path), imageDigest: digest(of: manifest), peer: "peer", name: path)
  }

  private func identity(_ path: String) throws -> ImageIdentity {
    try SourceImage.open(path, within: .anything, isForced: true, on: scratch.machine).identity
  }

  private var manifestPath: String {
    let name = scratch.unfinishedMarks.first { $0.hasPrefix("manifest-") }
    return scratch.file("state/\(name ?? "none")")
  }

  @Test func whatWasPutIsThereAgain() throws {
    let path = image()
    #expect(try standing(path) == .new)
    try remember(path)
    let finding = try find(path)
    #expect(finding.standing == .whole(isProved: true))
    let manifest = try #require(finding.manifest)
    #expect(manifest.currentHeader.imageDigest == digest(of: manifest))
    #expect(manifest.currentHeader.peer == "peer" && manifest.currentHeader.generation == 1)
    for segment in 0..<5 { #expect(manifest.record(of: segment) == record(UInt64(segment))) }
    #expect(manifest.record(of: 5) == record(5, groupCount: 1))
  }

  @Test func aChangedImageIsAnEarlierState() throws {
    for change in ["echo x >>", "printf x | dd conv=notrunc status=none of=", "touch -d @1 "] {
      let path = image()
      try remember(path)
      #expect(system("\(change)\(path)") == 0)
      let standing = try standing(path)
      #expect(standing == (change.hasPrefix("echo") ? .new : .earlier) || standing == .earlier)
      unlink(path)
    }
  }

  /// On a file system that keeps whole seconds, two changes within one look like one.
  @Test func timesOfWholeSecondsMustBeOlder() {
    let now = ImageIdentity.nowNanoseconds
    func isOlder(_ age: Int64, isWhole: Bool) -> Bool {
      let time = now - age
      let stamp = isWhole ? time / 1_000_000_000 * 1_000_000_000 : time | 1
      return ImageIdentity(
        kind: .file, deviceNumber: 1, byteCount: 1, modifiedNanoseconds: 0,
        changedNanoseconds: stamp
      ).isOlderThanTick
    }
    #expect(isOlder(50_000_000, isWhole: false))
    #expect(!isOlder(1_000_000, isWhole: false))
    #expect(!isOlder(1_000_000_000, isWhole: true))
    #expect(isOlder(4_000_000_000, isWhole: true))
  }

  @Test func aRenamedImageKeepsIt() throws {
    let path = image()
    try remember(path)
    // Renaming changes the time of the last change of anything.
    #expect(rename(path, scratch.file("other")) == 0)
    #expect(try standing(scratch.file("other")) == .earlier)
  }

  @Test func anotherImageHasAnother() throws {
    let path = image()
    try remember(path)
    #expect(try standing(image("other")) == .new)
  }

  @Test(arguments: [
    (ManifestHeader.State.open, ManifestHeader.Role.target, Manifest.Standing.interrupted),
    (.stale, .target, .earlier), (.open, .source, .earlier),
  ])
  func anInterruptedRunLeaves(
    state: ManifestHeader.State, role: ManifestHeader.Role, standing: Manifest.Standing
  ) throws {
    let path = image()
    do {
      let manifest = try #require(try find(path, role).manifest)
      try manifest.begin(state)
      try manifest.put(record(7), of: 2)
    }
    let finding = try find(path, role)
    #expect(finding.standing == standing)
    #expect(finding.manifest?.record(of: 2) == record(7))
    guard case .unknown = finding.manifest?.entry(of: 3) else {
      Issue.record("what has no record is not known to be zero")
      return
    }
  }

  @Test func withoutARecordTheClosedOneSaysZero() throws {
    let path = image()
    do {
      let manifest = try #require(try find(path).manifest)
      try manifest.begin(.open)
      try manifest.put(record(1), of: 0)
      try manifest.put(record(3), of: 3)
      try manifest.forget(0..<2)
      try manifest.close(
        identity: identity(path), imageDigest: digest(of: manifest), peer: "", name: path)
    }
    let manifest = try #require(try find(path).manifest)
    for segment in [0, 1, 2, 4, 5] {
      guard case .zero = manifest.entry(of: segment) else {
        Issue.record("segment \(segment)")
        continue
      }
    }
    #expect(manifest.record(of: 3) == record(3))
    #expect(manifest.nextRecord(from: 0) <= 3 && manifest.nextRecord(from: 3) == 3)
  }

  /// Whatever somebody does to the file: nothing of it that was altered is believed.
  @Test func alteredBytesAreNotBelieved() throws {
    let path = image()
    try remember(path)
    let whole = try #require(FileManager.default.contents(atPath: manifestPath))
    for position in stride(from: 0, to: whole.count, by: 97) {
      var bytes = [UInt8](whole)
      bytes[position] ^= 0x10
      try Data(bytes).write(to: URL(fileURLWithPath: manifestPath))
      let finding = try find(path)
      #expect(finding.standing == .new || finding.standing == .earlier, "byte \(position)")
      guard let manifest = finding.manifest, position >= 4096 else { continue }
      let altered = (position - 4096) / 808
      for segment in 0..<6 where segment != altered {
        #expect(manifest.record(of: segment) != nil, "byte \(position), segment \(segment)")
      }
      // Beyond the groups that the short last segment has nothing is read.
      if altered < 5 { #expect(manifest.record(of: altered) == nil, "byte \(position)") }
    }
  }

  @Test(arguments: [0, 1, 15, 16, 100, 4095, 4096, 4097, 5000])
  func aCutFileIsNoReasonToFail(count: Int) throws {
    let path = image()
    try remember(path)
    #expect(truncate(manifestPath, off_t(count)) == 0)
    let finding = try find(path)
    #expect(finding.standing == .new || finding.standing == .earlier)
    #expect(finding.manifest != nil)
    for segment in 0..<6 {
      if let record = finding.manifest?.record(of: segment) {
        #expect(record == self.record(UInt64(segment)))
      }
    }
  }

  @Test func aFileThatIsNoManifestIsLeftAlone() throws {
    let path = image()
    let other = scratch.write(Array("my letters".utf8), to: "letters")
    let source = try SourceImage.open(
      path, within: .anything, isForced: false, on: scratch.machine)
    let finding = source.findManifest(.path(other))
    #expect(finding.manifest == nil)
    #expect(finding.note?.contains("is there and is no manifest") == true)
    #expect(scratch.bytes(of: "letters") == Array("my letters".utf8))
  }

  /// A named one may be kept for a row of images; what it says of the last one proves nothing.
  @Test func aNamedOneServesTheNextSnapshot() throws {
    let (first, second) = (image("first"), image("second"))
    let place = ManifestPlace.path(scratch.file("row.man"))
    func find(_ path: String) throws -> Manifest.Finding {
      try SourceImage.open(path, within: .anything, isForced: false, on: scratch.machine)
        .findManifest(place)
    }
    do {
      let manifest = try #require(try find(first).manifest)
      try manifest.begin(.stale)
      for segment in 0..<5 { try manifest.put(record(UInt64(segment)), of: segment) }
      try manifest.close(
        identity: identity(first), imageDigest: digest(of: manifest), peer: "", name: first)
    }
    for path in [second, first, second] {
      let finding = try find(path)
      #expect(finding.manifest?.record(of: 3) == record(3))
      if path == second { #expect(finding.standing == .earlier) }
      let manifest = try #require(finding.manifest)
      try manifest.begin(.stale)
      try manifest.close(
        identity: identity(path), imageDigest: digest(of: manifest), peer: "", name: path)
    }
  }

  @Test func twoRunsDoNotShareOne() throws {
    let path = image()
    let first = try find(path, .source)
    let second = try find(path, .source)
    #expect(first.manifest != nil && second.manifest == nil && second.note == nil)
  }

  @Test func itsSizeIsBoundedAndZerosAreHoles() throws {
    let shape = ImageShape(byteCount: 1 << 40)
    let path = scratch.write([], to: "wide")
    #expect(truncate(path, off_t(shape.byteCount)) == 0)
    let finding = try SourceImage.open(
      path, within: .anything, isForced: false, on: scratch.machine
    ).findManifest(.byKey)
    let manifest = try #require(finding.manifest)
    try manifest.begin(.stale)
    for segment in [5, 500_000, 1 << 20 - 1] { try manifest.put(record(1), of: segment) }
    var status = stat()
    #expect(lstat(manifestPath, &status) == 0)
    #expect(Double(status.st_size) <= 0.0008 * Double(shape.byteCount) + 4096)
    #expect(status.st_blocks * 512 < 64 << 10)
  }

  @Test(arguments: [ENOSPC, EIO, EROFS])
  func aDiskThatIsFullIsToldOf(number: Int32) throws {
    let path = image()
    let faults = Faults()
    let source = try SourceImage.open(
      path, within: .anything, isForced: false, on: scratch.machine(faults))
    let manifest = try #require(source.findManifest(.byKey).manifest)
    faults.add(.write, .fail(number))
    #expect(throws: StorageError.self) { try manifest.put(record(1), of: 0) }
    #expect(throws: StorageError.self) { try manifest.begin(.open) }
    faults.clear()
    manifest.discard()
    #expect(!FileManager.default.fileExists(atPath: manifestPath))
  }

  /// A run that keeps no account leaves none that is wrong.
  @Test func aTargetThatIsWrittenWithoutOneForgetsIt() throws {
    let path = image()
    try remember(path)
    let request = TargetRequest(path: path, suggestedName: "", sourceByteCount: byteCount)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine)
    #expect(target.findManifest(.none).manifest == nil)
    try target.write([1], at: 0)
    try target.complete()
    #expect(!FileManager.default.fileExists(atPath: manifestPath))
  }
}
