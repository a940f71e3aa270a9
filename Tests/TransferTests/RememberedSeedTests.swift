// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

/// Seeds of which a manifest says what they have, rightly or wrongly.
@Suite(.timeLimit(.minutes(1))) struct RememberedSeedTests {
  let scratch = Scratch()

  /// The manifest of an image, as a run that is over leaves it.
  private func manifest(of name: String) throws -> Manifest {
    let image = try scratch.openSource(name)
    let manifest = try #require(image.findManifest(.byKey).manifest)
    let shape = ImageShape(byteCount: image.byteCount)
    let scan = ImageScan(
      image: image, shape: shape, threadCount: 2,
      memory: ScanMemory(manifest, trust: .nothing))
    defer { scan.finish() }
    var folder = TreeFolder(shape: shape)
    while let item = try scan.next() {
      switch item {
      case .zero(let segments): folder.appendZeroSegments(segments.count)
      case .data(_, let digests): folder.append(segment: digests.digest)
      }
    }
    try manifest.close(
      identity: image.identity, imageDigest: folder.finish(), peer: "", name: name)
    return manifest
  }

  /// Runs a copy to a new target with one seed, and says what crossed the line.
  private func copy(
    _ source: Pages, seed: String, remembering manifest: Manifest, isEstimate: Bool = false
  ) throws -> Counters.Snapshot {
    scratch.write(source, to: "source")
    let image = try scratch.openSource("source")
    let target = try TargetImage.open(
      TargetRequest(
        path: scratch.file("target"), suggestedName: "", sourceByteCount: image.byteCount,
        isDryRun: isEstimate),
      within: .anything, on: scratch.machine())
    var conversation = Conversation(
      source: image, target: target, seeds: [try scratch.openSource(seed)],
      seedManifests: [1: manifest])
    conversation.job.operation = isEstimate ? .estimate : .copy
    let ending = try conversation.run()
    _ = try ending.source.get()
    _ = try ending.target.get()
    if !isEstimate { #expect(scratch.holds(source, in: "target")) }
    return ending.targetCounters
  }

  private static let pageCount = 1000

  private func pages(_ seed: UInt64) -> Pages {
    Pages((0..<UInt64(Self.pageCount)).map { .noise(seed << 32 | $0) })
  }

  @Test(arguments: [false, true])
  func groupsAreCopiedFromWhereTheyAre(isEstimate: Bool) throws {
    let seed = pages(1)
    scratch.write(seed, to: "seed")
    // Whole groups at other places, zeros in a group, and pages that nobody has.
    var source = pages(2)
    source.pages.replaceSubrange(0..<320, with: seed.pages[640..<960])
    source.pages.replaceSubrange(512..<528, with: seed.pages[0..<16])
    let counters = try copy(
      source, seed: "seed", remembering: manifest(of: "seed"), isEstimate: isEstimate)
    let missing = UInt64(Self.pageCount - 336) * 4096
    #expect(counters.found == 336 * 4096)
    #expect(isEstimate ? counters.wanted == missing : counters.sent == missing)
  }

  /// It has other bytes by now, and nothing showed that. All that is copied is hashed before.
  @Test func whatASeedHasNotIsNotBelieved() throws {
    scratch.write(pages(1), to: "seed")
    let manifest = try manifest(of: "seed")
    scratch.write(pages(3), to: "other")
    let counters = try copy(pages(1), seed: "other", remembering: manifest)
    #expect(counters.found == 0 && counters.sent == UInt64(Self.pageCount) * 4096)
  }

  /// It became smaller: what is remembered of its end is nowhere.
  @Test func aSeedMayHaveShrunk() throws {
    scratch.write(pages(1), to: "seed")
    let manifest = try manifest(of: "seed")
    scratch.write(Pages(Array(pages(1).pages[..<100])), to: "short")
    let counters = try copy(pages(1), seed: "short", remembering: manifest)
    // Six groups by what is remembered, and the pages of the seventh once the seed was read.
    #expect(counters.found >= 96 * 4096)
  }

  /// Content that lies elsewhere in a group is found when so much is missing that it is read.
  @Test func aSeedIsReadWhenMuchIsMissing() throws {
    let seed = pages(1)
    scratch.write(seed, to: "seed")
    let source = Pages([.noise(7)] + seed.pages)
    let counters = try copy(source, seed: "seed", remembering: manifest(of: "seed"))
    #expect(counters.sent == 4096)
  }
}
