// SPDX-License-Identifier: Apache-2.0

import Blocks

/// Every limit of the protocol, in one place and by name.
///
/// A count that a peer chooses is compared with one of these before anything is allocated or
/// added up, so that no message can cost more memory than `payloadByteCount` and no sum can
/// leave the range of `Int`. docs/protocol.md prints the same table.
package enum WireLimits {
  /// What a stream begins with, in both directions.
  package static let magic = Array("BLKMOVE\n".utf8)
  /// Payload byte count (UInt32) and message type (UInt8).
  package static let frameHeaderByteCount = 5
  /// The largest payload of any message.
  package static let payloadByteCount = dataBatchByteCount + (64 << 10)

  /// Page bytes in one data message.
  package static let dataBatchByteCount = Geometry.segmentByteCount
  /// Segments that one data message carries pages of.
  package static let entriesPerBatch = 256
  /// Content of a data message before compression: the pages and the table of entries.
  package static let batchContentByteCount =
    dataBatchByteCount + entriesPerBatch * DataBatch.Entry.byteCount

  package static let imageByteCount = Geometry.maximumImageByteCount
  /// Segments of the largest image; each segment's number is below it.
  package static let segmentCount = 1 << 40
  /// A bit for each page of a segment.
  package static let pageSetByteCount = Geometry.pagesPerSegment / 8
  /// Runs in one segments message.
  package static let runsPerMessage = 1024
  /// Digests in one segments message: 64 KiB at full width.
  package static let digestsPerMessage = 2048

  /// A name of a program, with its version.
  package static let programByteCount = 64
  /// What tells one machine from another: a boot identifier.
  package static let machineByteCount = 128
  /// The last component of a path.
  package static let fileNameByteCount = 255
  /// A path, or what is shown in its place.
  package static let nameByteCount = 4096
  /// A note, a sentence or a hint.
  package static let textByteCount = 2048
  package static let notesPerMessage = 16
  /// Messages of that name in a run.
  package static let noteCount = 64
  /// A hello may grow in later versions; this is how far.
  package static let helloByteCount = 4096

  package static let threadCount = 1024
  package static let compressionLevels = 1...19
  package static let progressIntervalMilliseconds: UInt32 = 3_600_000

  /// Text that is split into words: a command line from another machine, or a flag's value.
  package static let commandByteCount = 128 << 10
  package static let commandWordCount = 1024

  /// Names of pages that the source has given and the target has not closed.
  package static let openNameCount: UInt64 = 3 << 19
  /// Pages that are asked for and have not come.
  package static let outstandingPageCount = 64 << 10
  /// Segments whose groups the source has told and whose pages it has not named.
  package static let segmentsInQuestion = 1024
  /// Further connections of one run, those included that have ended.
  package static let strandCount = 15
  /// What a further connection is to ask for.
  package static let invitationByteCount = 64

  /// Pieces of the sample that a target asks for which measures.
  package static let sampleCount = 256
  /// Filler in one probe.
  package static let probeFillerByteCount = 16 << 10
  /// Filler in all probes of a run.
  package static let probeByteCount = 8 << 20

  /// Segment digests that the target may be ahead of the source's position.
  package static let waitingDigestCount = 256 << 10
}
