// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Writes what makes of the image that a manifest describes the image that is here.
///
/// First the outline: manifest and image are walked in step, and what each segment was and becomes
/// is written. So whoever applies it knows whether it fits, before anything is changed there. Then
/// the changed segments are read again, and their groups are written.
struct DeltaRun {
  let settings: Settings
  let counters: Counters

  func run(
    _ manifest: ByteInput, _ path: String, to bytes: ByteOutput
  ) throws(TransferError) -> Report {
    let image = try StreamImage.openSource(path, settings)
    let cursor = try ManifestCursor(manifest, counters: counters)
    let output = StreamOutput(bytes, .delta, counters: counters)
    try output.write(
      .delta(
        DeltaStart(
          baseByteCount: cursor.start.imageByteCount, imageByteCount: image.byteCount,
          program: ProgramVersion.text, baseName: cursor.start.name, name: image.name)))

    var outliner = Outliner(
      base: cursor, shape: ImageShape(byteCount: image.byteCount), output: output)
    let scan = RememberingScan(image: image, settings: settings, counters: counters)
    let outcome = try scan.run { (item) throws(TransferError) in try outliner.add(item) }
    let changes = try outliner.finish(imageDigest: outcome.imageDigest)

    let giver = DeltaGiver(
      image: image, output: output, compression: settings.compression, counters: counters)
    let given = try giver.give(changes.list)
    try scan.requireUnchanged()
    if given.chain != changes.chain { throw RememberingScan.changed(image.name) }
    try output.write(
      .end(
        StreamEnd(
          imageDigest: outcome.imageDigest, segmentCount: changes.segmentCount,
          pageByteCount: given.pageByteCount)))
    try output.close()

    var report = Report()
    report.imageByteCount = image.byteCount
    report.imageDigest = outcome.imageDigest
    report.changedSegmentCount = changes.segmentCount
    report.notes = outcome.notes
    return report
  }
}
