// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

/// Manifest, delta and apply in one process, over files: whatever two images are, the delta makes
/// one of the other, and nothing of a third.
@Suite struct StreamRunTests {
  let scratch = Scratch()

  private static var settings: Settings {
    var settings = Settings()
    settings.manifest = .none
    settings.threadCount = 2
    return settings
  }

  private func output(_ name: String) -> ByteOutput {
    let file = open(scratch.file(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    return ByteOutput(descriptor: file, name: name)
  }

  private func manifest(of image: String, to name: String) throws {
    _ = try ManifestRun(settings: Self.settings, counters: Counters())
      .run(scratch.file(image), to: output(name))
  }

  @discardableResult
  private func delta(_ manifest: String, _ image: String, to name: String) throws -> Report {
    try DeltaRun(settings: Self.settings, counters: Counters())
      .run(ByteInput.open(scratch.file(manifest)), scratch.file(image), to: output(name))
  }

  @discardableResult
  private func apply(
    _ name: String, to image: String, _ change: (inout Settings) -> Void = { _ in }
  ) throws -> Report {
    var settings = Self.settings
    change(&settings)
    return try ApplyRun(settings: settings, counters: Counters())
      .run(ByteInput.open(scratch.file(name)), to: scratch.file(image))
  }

  /// Pages at random: what is there in one image may be anything in the other.
  private static func image(_ count: Int, tail: Int, _ random: inout Random) -> Pages {
    var pages: [Pages.Page] = []
    while pages.count < count {
      let length = random.pick([1, 1, 3, 16, 60, 256, 700])
      let kind = random.below(4)
      for _ in 0..<min(length, count - pages.count) {
        switch kind {
        case 0: pages.append(.hole)
        case 1: pages.append(.zero)
        default: pages.append(.content(UInt64(random.below(1000))))
        }
      }
    }
    return Pages(pages, tail: tail == 0 ? [] : (0..<tail).map { UInt8($0 % 251) })
  }

  private static func changed(_ pages: Pages, _ random: inout Random) -> Pages {
    var result = pages
    for _ in 0..<random.below(12) where !result.pages.isEmpty {
      let start = random.below(result.pages.count)
      let end = min(result.pages.count, start + random.pick([1, 2, 16, 300]))
      let page: Pages.Page = random.pick([.hole, .zero, .content(UInt64(random.below(5000)))])
      for index in start..<end { result.pages[index] = page }
    }
    return result
  }

  @Test(arguments: 0..<12)
  func whateverTheImagesAre(number: Int) throws {
    var random = Random.printed()
    let old = Self.image(random.below(1200), tail: random.pick([0, 0, 1, 4095]), &random)
    var new = Self.changed(old, &random)
    if random.chance(0.5) {
      // Another length, near a border or anywhere.
      let count = random.pick([0, 1, 15, 16, 255, 256, 257, 512, random.below(1500)])
      if count < new.pages.count { new.pages.removeLast(new.pages.count - count) }
      while new.pages.count < count { new.pages.append(random.pick([.hole, .content(7)])) }
      new.tail = random.chance(0.5) ? [] : [UInt8](repeating: 9, count: 1 + random.below(4095))
    }
    scratch.write(old, to: "old.img")
    scratch.write(new, to: "new.img")
    scratch.write(old, to: "target.img")
    try manifest(of: "old.img", to: "man")
    let made = try delta("man", "new.img", to: "delta")
    #expect(made.imageDigest == new.imageDigest)
    let before = scratch.bytes(of: "target.img")
    try apply("delta", to: "target.img") { $0.isDryRun = true }
    #expect(scratch.bytes(of: "target.img") == before)
    let report = try apply("delta", to: "target.img") { $0.verifiesTarget = true }
    #expect(scratch.isEqual("target.img", "new.img"), "seed \(random.seed)")
    #expect(report.imageDigest == new.imageDigest && report.isVerified)
    // Again, and nothing is to be done.
    let again = try apply("delta", to: "target.img")
    #expect(again.isAlreadyDone || again.changedSegmentCount == 0)
    #expect(again.counters.sent == 0 && scratch.isEqual("target.img", "new.img"))
  }

  /// Each segment, or group, as it was or as it will be.
  @Test(arguments: 0..<6)
  func somethingBetweenTheTwoGoesOn(number: Int) throws {
    var random = Random.printed()
    let old = Self.image(900, tail: 100, &random)
    let new = Self.changed(Self.changed(old, &random), &random)
    var between = old
    for segment in 0..<3 where random.chance(0.5) {
      for page in segment * 256..<segment * 256 + 256 { between.pages[page] = new.pages[page] }
    }
    scratch.write(old, to: "old.img")
    scratch.write(new, to: "new.img")
    scratch.write(between, to: "target.img")
    try manifest(of: "old.img", to: "man")
    try delta("man", "new.img", to: "delta")
    try apply("delta", to: "target.img")
    #expect(scratch.isEqual("target.img", "new.img"), "seed \(random.seed)")
  }

  @Test(arguments: [0, 300, 511, 800])
  func anotherImageIsRefusedAndLeftAlone(page: Int) throws {
    var image = Pages.content(801)
    scratch.write(image, to: "old.img")
    image.pages[300] = .content(9999)
    scratch.write(image, to: "new.img")
    try manifest(of: "old.img", to: "man")
    try delta("man", "new.img", to: "delta")
    var other = Pages.content(801)
    other.pages[page] = .content(77_777)
    scratch.write(other, to: "target.img")
    let error = #expect(throws: TransferError.self) { try apply("delta", to: "target.img") }
    #expect(error?.status == .refused && error?.end == .target, "\(error as Any)")
    #expect(scratch.holds(other, in: "target.img"))
    scratch.write(Pages.content(800), to: "target.img")
    let shorter = #expect(throws: TransferError.self) { try apply("delta", to: "target.img") }
    #expect(shorter?.status == .refused && shorter?.sentence.contains("bytes") == true)
    let nothing = #expect(throws: TransferError.self) { try apply("delta", to: "none.img") }
    #expect(nothing?.status == .refused && !scratch.exists("none.img"))
    #expect(!scratch.exists(".none.img.blkmove-part"))
  }

  @Test func anEmptyBaseIsACopy() throws {
    scratch.write(Pages([]), to: "old.img")
    scratch.write(Pages([.content(1), .hole, .content(2)], tail: [1]), to: "new.img")
    try manifest(of: "old.img", to: "man")
    try delta("man", "new.img", to: "delta")
    try apply("delta", to: "made.img")
    #expect(scratch.isEqual("made.img", "new.img"))
  }

  @Test func aManifestIsSmallAndSparse() throws {
    scratch.write(Pages.content(256 * 20), to: "full.img")
    try manifest(of: "full.img", to: "man")
    #expect(try #require(scratch.bytes(of: "man")).count < 20 * 1_048_576 * 8 / 10_000)
    scratch.write(Pages([]), to: "huge.img")
    #expect(truncate(scratch.file("huge.img"), 1 << 42) == 0)
    try manifest(of: "huge.img", to: "huge")
    #expect(try #require(scratch.bytes(of: "huge")).count < 400)
    let report = try delta("huge", "huge.img", to: "delta")
    #expect(report.changedSegmentCount == 0)
    #expect(try #require(scratch.bytes(of: "delta")).count < 800)
  }

  @Test func aManifestThatLiesIsNoticed() throws {
    scratch.write(Pages.content(300), to: "one.img")
    // Right seals, and digests of something else.
    var writer = StreamWriter(.manifest)
    let start = ManifestStart(imageByteCount: 300 * 4096, program: "", name: "")
    var groups = ManifestGroups(first: 0)
    groups.append(zeroSegments: 2)
    let end = StreamEnd(
      imageDigest: Pages.content(300).imageDigest, segmentCount: 0, pageByteCount: 0)
    let bytes =
      writer.encode(.manifest(start)) + writer.encode(.groups(groups)) + writer.encode(.end(end))
    try Data(bytes).write(to: URL(filePath: scratch.file("lie")))
    let error = #expect(throws: TransferError.self) { try delta("lie", "one.img", to: "delta") }
    #expect(error?.end == .stream && error?.sentence.contains("digest") == true)
    // What was written of the delta until then is not complete, and refused as a whole.
    let broken = #expect(throws: TransferError.self) { try apply("delta", to: "one.img") }
    #expect(broken?.status == .remote)
    #expect(scratch.holds(Pages.content(300), in: "one.img"))
  }
}
