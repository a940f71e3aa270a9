// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Wire

/// A whole stream of version 1 and the bytes that it is: a file of hexadecimal digits in
/// Golden/streams. Where these bytes change, the version must.
struct GoldenStream: Sendable, CustomStringConvertible {
  let kind: StreamKind
  let records: [StreamRecord]

  var description: String { kind.name }

  static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Golden/streams")

  private var file: URL { Self.directory.appending(path: "\(kind).hex") }

  func storedBytes() throws -> [UInt8] {
    try GoldenMessage.bytes(ofHexadecimal: String(contentsOf: file, encoding: .ascii))
  }

  func store() throws {
    try GoldenMessage.hexadecimal(encoded).write(to: file, atomically: true, encoding: .ascii)
  }

  /// Each record with its seal; the first one with the magic.
  var pieces: [[UInt8]] {
    var writer = StreamWriter(kind)
    return records.map { writer.encode($0) }
  }

  var encoded: [UInt8] { pieces.flatMap(\.self) }

  private static let digest = GoldenMessage.digest

  static let manifest: GoldenStream = {
    var groups = ManifestGroups(first: 0)
    groups.append(GroupSet(rawValue: 0x8001), [digest(1), digest(2)])
    groups.append(zeroSegments: 1)
    var rest = ManifestGroups(first: 2)
    rest.append(GroupSet(rawValue: 2), [digest(3)])
    return GoldenStream(
      kind: .manifest,
      records: [
        .manifest(
          ManifestStart(
            imageByteCount: GoldenMessage.shape.byteCount, program: "blkmove 1.0",
            name: "/dev/vg/web")),
        .groups(groups), .groups(rest),
        .end(
          StreamEnd(imageDigest: digest(4), recordCount: 3, segmentCount: 2, pageByteCount: 0)),
      ])
  }()

  static let delta: GoldenStream = {
    let shape = GoldenMessage.shape
    var outline = DeltaOutline(first: 0)
    outline.append(DeltaOutline.Run(.same, count: 1, digests: [digest(1)]))
    outline.append(DeltaOutline.Run(.changed, count: 1, digests: [digest(2), digest(3)]))
    outline.append(DeltaOutline.Run(.cleared, count: 1, digests: [digest(4)]))
    var zeroPages = PageSet()
    zeroPages[241] = true
    let detail = DeltaDetails.Segment(
      number: 1, groups: GroupSet(rawValue: 0x8000), zeroPages: zeroPages, digest: digest(3),
      groupDigests: [digest(5)])
    var builder = DataBatchBuilder(shape: shape)
    builder.append(detail.dataPages(in: shape), of: 1) { room in
      for index in room.indices { room[index] = UInt8(truncatingIfNeeded: index / 4096 + 1) }
    }
    var parser = FrameParser(awaitsMagic: false)
    builder.finish(Compressor(), level: nil).withUnsafeBytes { parser.append($0) }
    guard case .data(let batch) = try! Message(parser.next()!) else { preconditionFailure() }
    return GoldenStream(
      kind: .delta,
      records: [
        .delta(
          DeltaStart(
            baseByteCount: shape.byteCount, imageByteCount: shape.byteCount,
            program: "blkmove 1.0", baseName: "/dev/vg/web", name: "web.img")),
        .outline(outline),
        .agreement(
          DeltaAgreement(
            baseDigest: digest(6), imageDigest: digest(7), changedSegmentCount: 2)),
        .details(DeltaDetails([detail])), .data(batch),
        .zero(SegmentRange(first: 2, count: 1)),
        .end(
          StreamEnd(
            imageDigest: digest(7), recordCount: 6, segmentCount: 2, pageByteCount: 15 * 4096)),
      ])
  }()

  static let all = [manifest, delta]
}
