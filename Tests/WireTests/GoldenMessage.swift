// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Testing
import Wire

/// One message of protocol version 1 and the bytes that it is: a file of hexadecimal digits
/// in Golden/v1. Where these bytes change, the version must.
struct GoldenMessage: Sendable, CustomTestStringConvertible {
  let name: String
  let message: Message
  var width = DigestWidth.short
  var shape: ImageShape? = GoldenMessage.shape
  /// False for bytes that depend on the version of a library; they are only read.
  var isExact = true

  var testDescription: String { name }

  /// Two whole segments, and one of 18 pages and 5 bytes.
  static let shape = ImageShape(byteCount: (2 << 20) + 18 * 4096 + 5)

  static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Golden/v1")

  private var file: URL { GoldenMessage.directory.appending(path: name + ".hex") }

  func storedBytes() throws -> [UInt8] {
    try GoldenMessage.bytes(ofHexadecimal: String(contentsOf: file, encoding: .ascii))
  }

  func store(_ bytes: [UInt8]) throws {
    try GoldenMessage.hexadecimal(bytes).write(to: file, atomically: true, encoding: .ascii)
  }

  static func bytes(ofHexadecimal text: String) throws -> [UInt8] {
    var digits = text.filter { !$0.isWhitespace }[...]
    var bytes: [UInt8] = []
    while !digits.isEmpty {
      guard let byte = UInt8(digits.prefix(2), radix: 16) else { throw CocoaError(.formatting) }
      bytes.append(byte)
      digits = digits.dropFirst(2)
    }
    return bytes
  }

  /// In lines of 32 bytes.
  static func hexadecimal(_ bytes: [UInt8]) -> String {
    var text = ""
    for (index, byte) in bytes.enumerated() {
      text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
      if index % 32 == 31 || index == bytes.count - 1 { text += "\n" }
    }
    return text
  }

  static func digest(_ number: UInt64) -> Digest {
    Digest(number, number + 0x0101, number + 0x0202, 0xFEDC_BA98_7654_3210)
  }

  static func runs(_ width: DigestWidth) -> SegmentRuns {
    var runs = SegmentRuns(first: 0, width: width)
    runs.append(digest(1))
    runs.append(zeroSegments: 1)
    runs.append(digest(2))
    return runs
  }

  static func groups(_ width: DigestWidth) -> GroupDigests {
    GroupDigests(
      segment: 1, nonzeroGroups: GroupSet(rawValue: 0x8001),
      digests: NodeDigests([digest(3), digest(4)], width: width))
  }

  static func pages(_ width: DigestWidth) -> PageNames {
    var nonzero = PageSet()
    nonzero[1] = true
    nonzero[18] = true
    return PageNames(
      segment: 2, groups: GroupSet(rawValue: 3), nonzeroPages: nonzero,
      names: NameList([digest(5), digest(6)], width: width))
  }

  static func batch(_ text: String, segment: Int, page: Int, level: Int?) -> Message {
    var builder = DataBatchBuilder(shape: shape)
    var pages = PageSet()
    pages[page] = true
    builder.append(pages, of: segment) { room in
      for (index, byte) in zip(room.indices, repeatElement(text.utf8, count: 4096).joined()) {
        room[index] = byte
      }
    }
    var parser = FrameParser(awaitsMagic: false)
    builder.finish(Compressor(), level: level).withUnsafeBytes { parser.append($0) }
    return try! Message(parser.next()!)
  }

  private static let text = Message.failure(
    Failure(
      exitStatus: 1, sentence: "/dev/vdb: write 1 MiB at 4 GiB: No space left on device",
      hint: "grüße"))

  static let counters = ProgressCounters(
    scanned: 1, equal: 2, zero: 3, found: 4, wanted: 5, received: 6, written: 7,
    verified: 0x1122_3344_5566_7788)

  static let all: [GoldenMessage] = [
    GoldenMessage(
      name: "hello", message: .hello(Hello(features: 5, program: "blkmove 1.0")), shape: nil),
    GoldenMessage(
      name: "job",
      message: .job(
        Job(
          operation: .estimate, serverRole: .target, isWhole: true, keepsSparse: false,
          isForced: true, verifiesTarget: true, isAtomic: true, isLive: true, appearsAtOnce: true,
          sizePolicy: .min,
          threadCount: 300,
          indexMemoryByteCount: 64 << 20, compression: .level(19), bandwidthLimit: 5_000_000,
          suggestedName: "disk.img", progressIntervalMilliseconds: 500)), shape: nil),
    GoldenMessage(
      name: "job-automatic", message: .job(Job(operation: .copy, serverRole: .source)),
      shape: nil),
    GoldenMessage(
      name: "source",
      message: .source(
        SourceDescription(
          byteCount: shape.byteCount, kind: .device, name: "/dev/vg/web",
          machine: "4d2d2ba1-6bcd-4e37-8f0f-9b9c2d7a3c55", deviceNumber: 0xFD03, inode: 131_074)),
      shape: nil),
    GoldenMessage(
      name: "target",
      message: .target(
        TargetDescription(
          byteCount: shape.byteCount, startsZero: true, isNew: false, wasUnfinished: true,
          name: "/srv/disks/disk.img", notes: ["larger by 1 MiB", ""])), shape: nil),
    GoldenMessage(name: "pass", message: .pass(PassStart(number: 2, isFull: true))),
    GoldenMessage(name: "segments-short", message: .segments(runs(.short))),
    GoldenMessage(name: "segments-full", message: .segments(runs(.full)), width: .full),
    GoldenMessage(name: "position", message: .position(3)),
    GoldenMessage(name: "zero", message: .zero(SegmentRange(first: 1, count: 2))),
    GoldenMessage(name: "groups-short", message: .groups(groups(.short))),
    GoldenMessage(name: "groups-full", message: .groups(groups(.full)), width: .full),
    GoldenMessage(
      name: "differ",
      message: .differ(GroupMask(segment: 1, groups: GroupSet(rawValue: 0x8000)))),
    GoldenMessage(name: "pages-short", message: .pages(pages(.short))),
    GoldenMessage(name: "pages-full", message: .pages(pages(.full)), width: .full),
    GoldenMessage(
      name: "want",
      message: .want(WantedPages(segment: 2, pages: PageSet(firstPages: 19)))),
    GoldenMessage(
      name: "data-raw", message: batch("blkmo", segment: 2, page: 18, level: nil)),
    GoldenMessage(
      name: "data-zstd", message: batch("a page of text. ", segment: 1, page: 255, level: 3),
      isExact: false),
    GoldenMessage(
      name: "scanned",
      message: .scanned(
        Scanned(imageDigest: digest(7), scannedByteCount: 1 << 40, zeroByteCount: 4096))),
    GoldenMessage(
      name: "settled",
      message: .settled(Settled(imageDigest: digest(8), unsettledPageCount: 9))),
    GoldenMessage(name: "agreed", message: .agreed),
    GoldenMessage(
      name: "done", message: .done(Completion(isVerified: true, counters: counters))),
    GoldenMessage(name: "progress", message: .progress(counters)),
    GoldenMessage(
      name: "verdict",
      message: .verdict(
        Verdict(
          imageDigest: digest(10), isEqual: false, firstDifference: 1 << 20,
          differingByteCount: 4096))),
    GoldenMessage(
      name: "verdict-equal", message: .verdict(Verdict(imageDigest: digest(10), isEqual: true))),
    GoldenMessage(
      name: "digest", message: .digest(ImageName(imageDigest: digest(11), byteCount: 1 << 60))),
    GoldenMessage(name: "failure", message: text),
    GoldenMessage(name: "closed", message: .closed(0x0102_0304_0506_0708)),
    GoldenMessage(name: "strands", message: .strands(3)),
    GoldenMessage(
      name: "invitation",
      message: .invitation(
        Invitation(
          name: "00112233445566778899aabbccddeeff",
          token: JoinToken(low: 0x0102_0304_0506_0708, high: 0x1112_1314_1516_1718)))),
    GoldenMessage(
      name: "join",
      message: .join(JoinToken(low: 0x0102_0304_0506_0708, high: 0x1112_1314_1516_1718)),
      shape: nil),
    GoldenMessage(name: "joined", message: .joined(15), shape: nil),
    GoldenMessage(
      name: "arrived",
      message: .arrived(StrandArrival(strand: 2, batchCount: 1 << 33, isOver: true))),
    GoldenMessage(name: "leave", message: .leave(2)),
    GoldenMessage(
      name: "probe", message: .probe(Probe(endsRound: true, filler: [0, 1, 2, 0xFF]))),
    GoldenMessage(
      name: "probed", message: .probed(ProbeCount(byteCount: 6 << 20, microseconds: 150_000))),
    GoldenMessage(
      name: "appraisal",
      message: .appraisal(
        Appraisal(
          sampledByteCount: 16 << 20, compressedByteCount: 5 << 20, bytesPerSecond: 41_000_000))),
    GoldenMessage(name: "round", message: .round(RoundStart(number: 3, isLast: true))),
    GoldenMessage(
      name: "unsettled", message: .unsettled(SegmentRange(first: 2, count: 1))),
    GoldenMessage(name: "note", message: .note("WARNING: /dev/vg/web was changed; grüße")),
  ]
}
