// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Writes the manifest of an image as a stream: the digests of its groups, in order.
struct ManifestRun {
  let settings: Settings
  let counters: Counters

  func run(_ path: String, to bytes: ByteOutput) throws(TransferError) -> Report {
    let image = try StreamImage.openSource(path, settings)
    let output = StreamOutput(bytes, .manifest, counters: counters)
    let start = ManifestStart(
      imageByteCount: image.byteCount, program: ProgramVersion.text, name: image.name)
    try output.write(.manifest(start))
    var groups = ManifestGroups(first: 0)
    var dataSegmentCount: UInt64 = 0
    let scan = RememberingScan(image: image, settings: settings, counters: counters)
    let outcome = try scan.run { (item) throws(TransferError) in
      switch item {
      case .zero(let segments): groups.append(zeroSegments: segments.count)
      case .data(_, let digests):
        let present = GroupSet(firstGroups: digests.groups.count)
          .subtracting(digests.zeroGroups)
        groups.append(present, present.map { digests.groups[$0] })
        dataSegmentCount += 1
      }
      if groups.isFull { try Self.flush(&groups, to: output) }
    }
    try Self.flush(&groups, to: output)
    try output.write(
      .end(
        StreamEnd(
          imageDigest: outcome.imageDigest, segmentCount: dataSegmentCount, pageByteCount: 0)))
    try output.close()
    var report = Report()
    report.imageByteCount = image.byteCount
    report.imageDigest = outcome.imageDigest
    report.notes = outcome.notes
    report.changedSegmentCount = dataSegmentCount
    return report
  }

  private static func flush(
    _ groups: inout ManifestGroups, to output: StreamOutput
  ) throws(TransferError) {
    if groups.isEmpty { return }
    try output.write(.groups(groups))
    groups = ManifestGroups(first: groups.end)
  }
}

/// Opening the images of pieces of a pipe.
enum StreamImage {
  static func openSource(_ path: String, _ settings: Settings) throws(TransferError)
    -> any CopySource
  {
    do throws(StorageError) {
      return try ImageOpening.source(path, within: .anything, isForced: settings.isForced)
    } catch {
      throw TransferError(.source, error)
    }
  }
}
